// Poseidon of the first 1 to 6 of six values.
pragma circom 2.1.0;
include "poseidon.circom";

template Prefixes(n) {
    signal input values[n];
    signal output hashes[n];
    component hash[n];
    for (var k = 1; k <= n; k++) {
        hash[k - 1] = Poseidon(k);
        for (var i = 0; i < k; i++) {
            hash[k - 1].inputs[i] <== values[i];
        }
        hashes[k - 1] <== hash[k - 1].out;
    }
}

component main = Prefixes(6);
