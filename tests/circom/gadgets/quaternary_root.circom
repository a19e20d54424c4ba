// Root of a quaternary Poseidon tree over a path of five levels: on each level two bits of the index say which
// child the running node is; the siblings are the other three, in order.
pragma circom 2.1.0;
include "poseidon.circom";
include "bitify.circom";
include "mux2.circom";

template QuaternaryRoot(depth) {
    signal input leaf;
    signal input index;
    signal input siblings[depth][3];
    signal output root;

    component bits = Num2Bits(2 * depth);
    bits.in <== index;
    component place[depth];
    component node[depth];
    signal running[depth + 1];
    running[0] <== leaf;
    for (var level = 0; level < depth; level++) {
        place[level] = MultiMux2(4);
        place[level].s[0] <== bits.out[2 * level];
        place[level].s[1] <== bits.out[2 * level + 1];
        node[level] = Poseidon(4);
        for (var child = 0; child < 4; child++) {
            // What stands here when the running node is child 0, 1, 2 or 3.
            for (var position = 0; position < 4; position++) {
                if (position == child) {
                    place[level].c[child][position] <== running[level];
                } else {
                    var left_out = position < child ? 1 : 0;
                    place[level].c[child][position] <== siblings[level][child - left_out];
                }
            }
        }
        for (var child = 0; child < 4; child++) {
            node[level].inputs[child] <== place[level].out[child];
        }
        running[level + 1] <== node[level].out;
    }
    root <== running[depth];
}

component main = QuaternaryRoot(5);
