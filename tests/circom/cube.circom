// A circuit small enough to be read: `cube` and `shifted` are public, `root` is not.
pragma circom 2.1.0;

template Cube() {
    signal input root;
    signal input offset;
    signal output cube;
    signal output shifted;
    signal square;
    square <== root * root;
    cube <== square * root;
    shifted <== (root + 3 * offset) * (square - offset) + 7;
}

component main { public [offset] } = Cube();
