// Asks snarkjs many questions in one process. Takes a JSON array of requests on stdin and writes the array of
// answers to stdout: {"ok": ...} or, where snarkjs throws, {"error": "..."}.
// MEDPROOF_CIRCOM names the folder into which `.ci/circom` installed snarkjs.
"use strict";
const fs = require("node:fs");
const { createRequire } = require("node:module");
const snarkjs = createRequire(process.env.MEDPROOF_CIRCOM + "/package.json")("snarkjs");

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const answers = {
    verify: ({ key, inputs, proof }) => snarkjs.groth16.verify(key, inputs, proof, quiet),

    async info({ r1cs }) {
        const found = await snarkjs.r1cs.info(r1cs, quiet);
        return {
            prime: String(found.prime),
            wires: found.nVars,
            constraints: found.nConstraints,
            public_outputs: found.nOutputs,
            public_inputs: found.nPubInputs,
            private_inputs: found.nPrvInputs,
        };
    },

    check: ({ r1cs, wtns }) => snarkjs.wtns.check(r1cs, wtns, quiet),

    // The first `count` values behind the constant 1 for each input: a circuit's outputs come first.
    async outputs({ wasm, inputs, count }) {
        const all = [];
        for (const input of inputs) {
            const wtns = { type: "mem" };
            try {
                await snarkjs.wtns.calculate(input, wasm, wtns);
                const values = await snarkjs.wtns.exportJson(wtns);
                all.push(values.slice(1, 1 + count).map(String));
            } catch (error) {
                // A constraint of the circuit does not hold.
                all.push(null);
            }
        }
        return all;
    },

    // A first phase of 2^power, for tests only: its secrets are in this file.
    async phase1({ power, ptau }) {
        const curve = await snarkjs.curves.getCurveFromName("bn128", quiet);
        const [fresh, contributed] = [ptau + ".0", ptau + ".1"];
        await snarkjs.powersOfTau.newAccumulator(curve, power, fresh, quiet);
        await snarkjs.powersOfTau.contribute(fresh, contributed, "test", "not a secret", quiet);
        await snarkjs.powersOfTau.preparePhase2(contributed, ptau, quiet);
        return true;
    },

    async setup({ r1cs, ptau, zkey }) {
        return (await snarkjs.zKey.newZKey(r1cs, ptau, zkey, quiet)) !== -1;
    },

    async contribute({ from, zkey, name }) {
        const hash = await snarkjs.zKey.contribute(from, zkey, name, "not a secret either: " + name, quiet);
        return Buffer.from(hash).toString("hex");
    },

    async beacon({ from, zkey, value }) {
        const hash = await snarkjs.zKey.beacon(from, zkey, "beacon", value, 10, quiet);
        return Buffer.from(hash).toString("hex");
    },

    zkey: ({ r1cs, ptau, zkey }) => snarkjs.zKey.verifyFromR1cs(r1cs, ptau, zkey, quiet),

    key: ({ zkey }) => snarkjs.zKey.exportVerificationKey(zkey, quiet),

    async prove({ zkey, wtns }) {
        const { proof, publicSignals } = await snarkjs.groth16.prove(zkey, wtns, quiet);
        return { proof, inputs: publicSignals };
    },
};

async function main() {
    const out = [];
    for (const request of JSON.parse(fs.readFileSync(0, "utf8"))) {
        try {
            out.push({ ok: await answers[request.ask](request) });
        } catch (error) {
            out.push({ error: String(error) });
        }
    }
    // snarkjs keeps worker threads: leave when everything is written.
    process.stdout.write(JSON.stringify(out), () => process.exit(0));
}

main();
