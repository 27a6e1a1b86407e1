// Calls the addon in wrong ways, and handshakes with hooks that misbehave. Run under AddressSanitizer by check.sh.
// Usage: node misuse.cjs PATH-OF-dtls.node
const assert = require("node:assert");
const addon = require(process.argv[2]);

const key = Buffer.from("0123456789abcdef");
const base = {
	...{ isServer: true, certificates: "", privateKey: "", trusted: "", cipherSuites: "PSK-AES128-CCM8", identity: "d" },
	...{ asksCertificate: false, rawPublicKeys: false, hasKeys: true, logsKeys: true, keepsSessions: true },
	...{ mtu: 1232, firstRetransmitMs: 1000, longestRetransmitMs: 60000 },
};
const client = (keyOf) => addon.createEndpoint({ ...base, isServer: false }, { keyOf });

for (const options of [
	undefined,
	null,
	{},
	{ ...base, cipherSuites: "none of them" },
	{ ...base, certificates: "no PEM" },
	{ ...base, privateKey: "no PEM" },
	{ ...base, trusted: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
	{ ...base, mtu: "large" },
	{ ...base, isServer: 1 },
]) {
	assert.throws(() => addon.createEndpoint(options, {}), Error);
}

let session;
let refusals = 0;
const hooks = {
	keyOf: () => {
		for (const call of [() => session.free(), () => session.close(), () => session.receive(new Uint8Array(3))]) {
			assert.throws(call, /a hook must not call it/);
			refusals++;
		}
		return key;
	},
	keepSession: () => {
		throw new Error("the store is gone");
	},
	findSession: () => 42,
	logKey: () => {
		throw undefined;
	},
	trust: () => "yes",
};
const server = addon.createEndpoint(base, hooks);

/** The states of both ends after a handshake with a client that has this key. */
function handshake(keyOf) {
	const peer = client(keyOf).connect(undefined, "", Date.now());
	const verify = server.hello(Buffer.from("x"), peer.start().sent[0], Date.now());
	session = server.hello(Buffer.from("x"), peer.receive(verify).sent[0], Date.now());
	const states = { client: peer.receive(session.start().sent[0]), server: undefined };
	for (const datagram of states.client.sent) {
		states.server = session.receive(datagram);
		for (const answer of states.server.sent) states.client = peer.receive(answer);
	}
	peer.agreed();
	session.agreed();
	session.export();
	peer.free();
	assert.throws(() => peer.start(), /freed/);
	return [states.client.state, states.server?.state];
}

assert.deepEqual(handshake(() => key), ["open", "open"]);
assert.equal(refusals, 3);
const last = session;
assert.deepEqual(handshake(() => Buffer.alloc(16)), ["handshake", "handshake"]);
for (const bad of [() => new Uint8Array(100_000), () => "text", () => undefined, () => Promise.reject(new Error()).catch(() => 0)]) {
	assert.equal(handshake(bad)[0], "failed");
}
for (const call of [
	() => server.hello.call({}, 1, 2, 3),
	() => last.start.call(server),
	() => server.hello("a", "b", "c"),
	() => server.connect(5, "", 1),
	() => server.connect(undefined, 5, 1),
	() => last.receive(),
	() => last.receive(new Float64Array(3)),
	() => last.receive(new DataView(new ArrayBuffer(5))),
	() => last.send("text"),
]) {
	assert.throws(call, TypeError);
}
assert.equal(last.send(new Uint8Array(0)).sent.length, 0);
assert.equal(last.send(new Uint8Array(5_000)).sent.length, 0);
assert.equal(last.close().state, "closed");
assert.equal(last.receive(new Uint8Array(50)).state, "closed");
assert.equal(last.timer().sent.length, 0);
last.free();
console.log("the addon refuses misuse in plain words");
