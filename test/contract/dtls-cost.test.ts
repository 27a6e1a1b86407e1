import type { DtlsClientOptions, DtlsServerOptions } from "@iot-esim/shared/transport/native/dtls/options";
import { describe, expect, it } from "vitest";
import { DtlsBench, features, makeCa, type SeenDatagram, say } from "./dtls-bench.ts";

// The figures of docs/decisions/0005-nat-rebinding.md.

const ca = makeCa();
const server = ca.issue("eim.example.com");
const device = ca.issue("device.example.com");
const key = new TextEncoder().encode("0123456789abcdef");
const none = { kind: "none" } as const;
const pinned = { kind: "pinned", spki: server.spki } as const;

interface Way {
	readonly listen: Pick<DtlsServerOptions, "trust"> & Partial<DtlsServerOptions>;
	readonly connect: Pick<DtlsClientOptions, "trust"> & Partial<DtlsClientOptions>;
	/** Octets of UDP payload of a whole handshake, certificates taken out, and of a resumed one. */
	readonly full: number;
	readonly resumed: number;
}

const WAYS: Readonly<Record<string, Way>> = {
	"certificates on both sides": {
		listen: { identity: server, trust: { kind: "pinned", spki: device.spki } },
		connect: { identity: device, trust: pinned },
		full: 909,
		resumed: 498,
	},
	"the server's certificate": {
		listen: { identity: server, trust: none },
		connect: { trust: pinned },
		full: 740,
		resumed: 498,
	},
	"a pre-shared key whose identity has 32 digits": {
		listen: { trust: none, keyOf: () => key },
		connect: { trust: none, key: { identity: "8".repeat(32), key } },
		full: 526,
		resumed: 458,
	},
};

const octetsOf = (seen: readonly SeenDatagram[]) => seen.reduce((sum, { datagram }) => sum + datagram.length, 0);

/** Times that the client waits for the server before it may send what it has to say. */
function roundTrips(seen: readonly SeenDatagram[]): number {
	return seen.filter((one, at) => !one.toServer && (at === 0 || seen[at - 1]?.toServer)).length;
}

/** OpenSSL 3.5 writes six octets more than 3.0; a signature has 70 to 72. */
function expectNear(octets: number, figure: number): void {
	expect(Math.abs(octets - figure), `${octets} octets, the decision names ${figure}`).toBeLessThanOrEqual(12);
}

describe.skipIf(features === undefined)(
	"what a DTLS session costs on the wire, with CCM-8 and HelloVerifyRequest",
	() => {
		for (const [name, { listen, connect, full, resumed }] of Object.entries(WAYS)) {
			it(name, async () => {
				const bench = new DtlsBench();
				await bench.listen(listen);
				const first = await bench.connect(connect);
				const whole = bench.network.seen.splice(0);
				const certificates = [server, device].filter((own) => [listen.identity, connect.identity].includes(own));
				bench.network.rebind();
				const again = await bench.connect({ ...connect, session: first.session! });
				const short = bench.network.seen.splice(0);
				expect(again.isResumed).toBe(true);
				expect([whole.length, roundTrips(whole), short.length, roundTrips(short)]).toEqual([6, 3, 5, 2]);
				const inCertificates = certificates.reduce((sum, { der }) => sum + der.length, 0);
				expectNear(octetsOf(whole) - inCertificates, full);
				expectNear(octetsOf(short), resumed);
				say(again, "x".repeat(100));
				expect(bench.network.seen[0]?.datagram.length).toBe(129);
			});
		}
	},
);
