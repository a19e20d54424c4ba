// a < b and a <= b for values of 8, 32 and 64 bits.
pragma circom 2.1.0;
include "comparators.circom";
include "bitify.circom";

template Compare(n) {
    signal input a;
    signal input b;
    signal output less;
    signal output less_or_equal;
    component range_a = Num2Bits(n);
    component range_b = Num2Bits(n);
    range_a.in <== a;
    range_b.in <== b;
    component lt = LessThan(n);
    lt.in[0] <== a;
    lt.in[1] <== b;
    less <== lt.out;
    component le = LessEqThan(n);
    le.in[0] <== a;
    le.in[1] <== b;
    less_or_equal <== le.out;
}

template All() {
    signal input a[3];
    signal input b[3];
    signal output less[3];
    signal output less_or_equal[3];
    var widths[3] = [8, 32, 64];
    component compare[3];
    for (var i = 0; i < 3; i++) {
        compare[i] = Compare(widths[i]);
        compare[i].a <== a[i];
        compare[i].b <== b[i];
        less[i] <== compare[i].less;
        less_or_equal[i] <== compare[i].less_or_equal;
    }
}

component main = All();
