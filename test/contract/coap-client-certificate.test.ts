/** Devices that prove themselves to the eIM by a certificate of their own over CoAP, as the settings of both programs make it. */

import { writeFileSync } from "node:fs";
import { connect as connectTls } from "node:tls";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { CoapChannel } from "@iot-esim/shared/transport/coap/coap-channel";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { StreamChannel } from "@iot-esim/shared/transport/coap/stream-channel";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { parseHostPort } from "@iot-esim/shared/transport/tcp";
import { describe, expect, it } from "vitest";
import { NO_PACKAGE } from "../support/esipa-octets.ts";
import { temporaryFiles } from "../support/temporary-files.ts";
import { EID, faceOf, linkOver, PORTS, PROVEN_PORTS, poll, type Transport, targetOf } from "./coap-programs.ts";
import { closers, features, makeCa, type TlsCredential } from "./dtls-bench.ts";
import { pkis, spki } from "./http-bench.ts";

const file = temporaryFiles("coap-certificate", "pem");
const OTHER = Eid.withCheckDigits("890490320000000000000000000002");
const ca = makeCa();
const brainpool = makeCa("brainpoolP256r1");
const device = ca.issue(EID);
const rogue = makeCa().issue(EID);
const caFile = file(`${ca.pem}${brainpool.pem}`);
const eimKey = spki(pkis["P-256"].eimTls);
const pinned = targetOf({ publicKey: eimKey });

const shows = ({ certificate, key }: TlsCredential) => ({
	flags: ["--coap-certificate", file(certificate), "--coap-key", file(key)],
});

describe.each(["coap", "coaps+tcp"] as const)("a device with a certificate over %s", (transport) => {
	const isMissing = transport === "coap" && features === undefined;
	const start = (more: readonly string[] = []) =>
		faceOf("P-256", [...PROVEN_PORTS[transport], "--coap-client-ca", caFile, ...more]);

	it.skipIf(isMissing)("is the device whose EID the certificate says, and speaks in no other's name", async () => {
		const { provenAddress, peers, entries, eim } = await start();
		await eim.register(Eid(EID));
		const names = [device, ca.issue(`urn:eid:${EID}`), brainpool.issue(EID)];
		for (const credential of names) {
			const link = linkOver(transport, provenAddress(transport), pinned, shows(credential));
			expect(await link.exchange(poll(EID))).toEqual(NO_PACKAGE);
			await expect(link.exchange(poll(OTHER))).rejects.toMatchObject({ context: { status: 403 } });
		}
		// A gateway's says no EID: it speaks for whom it serves, as one does with a key.
		const gateway = linkOver(transport, provenAddress(transport), pinned, shows(ca.issue("gateway-17")));
		expect(await gateway.exchange(poll(OTHER))).toEqual(poll(OTHER));
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, EID, EID, EID, EID, EID, undefined]);
		expect(entries.filter(({ phrase }) => phrase === "request refused")).toMatchObject(
			names.map(() => ({ facts: { error: { code: "ESIPA_OTHER_DEVICE" } } })),
		);
	});

	it.skipIf(isMissing)(
		"is refused in the handshake with a rogue certificate and with none, and the log says so",
		async () => {
			const { provenAddress, peers, entries } = await start();
			for (const options of [shows(rogue), { flags: [] }]) {
				const link = linkOver(transport, provenAddress(transport), pinned, options);
				await expect(link.exchange(poll(EID))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
			}
			expect(peers).toEqual([]);
			const refused = entries.filter(({ phrase }) => phrase === "handshake failed");
			expect(refused).toMatchObject([
				{ level: "warn", facts: { error: { code: expect.stringMatching(/_UNTRUSTED$/) } } },
				{ level: "warn", facts: { error: { message: expect.stringContaining("peer did not return a certificate") } } },
			]);
		},
	);

	it.skipIf(isMissing)("is served beside those that show none, at the port where nobody is asked", async () => {
		const { address, provenAddress, peers } = await start(PORTS[transport]);
		for (const [place, options] of [
			[provenAddress(transport), shows(device)],
			[address(transport), { flags: [] }],
			[address(transport), shows(rogue)],
		] as const) {
			await linkOver(transport, place, pinned, options).exchange(poll(EID));
		}
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, undefined, undefined]);
	});

	it.skipIf(isMissing)("is still that device in a session that is resumed, where no certificate is shown", async () => {
		const { provenAddress, peers, eim } = await start();
		await eim.register(Eid(EID));
		const connect = clientOf(transport, provenAddress(transport) ?? "");
		const speaks = async ({ client }: Opened) => {
			expect((await client.request({ method: "POST", path: ["e"], payload: poll(EID) })).payload).toEqual(NO_PACKAGE);
			const other = await client.request({ method: "POST", path: ["e"], payload: poll(OTHER) });
			expect(other.code).toBe("4.03");
		};
		const first = await connect(device);
		await speaks(first);
		const again = await connect(undefined, first.session);
		await speaks(again);
		expect([first.isResumed, again.isResumed]).toEqual([false, true]);
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, EID, EID, EID]);
	});

	it.skipIf(isMissing)("shows a renewed certificate from the next session on", async () => {
		const { provenAddress, peers } = await start();
		const [certificate, key] = [file(device.certificate), file(device.key)];
		const link = linkOver(transport, provenAddress(transport), pinned, {
			flags: ["--coap-certificate", certificate, "--coap-key", key],
		});
		await link.exchange(poll(EID));
		const renewed = ca.issue("gateway-17");
		writeFileSync(certificate, renewed.certificate);
		writeFileSync(key, renewed.key);
		await link.exchange(poll(EID));
		link.renew?.();
		await link.exchange(poll(EID));
		expect(peers.map(({ provenEid }) => provenEid)).toEqual([EID, EID, undefined]);
	});
});

interface Opened {
	readonly client: CoapEndpoint;
	readonly isResumed: boolean;
	readonly session: Uint8Array | undefined;
}

/** Opens sessions by the transport alone, so that one can be resumed without the certificate that it was made with. */
function clientOf(transport: Transport, address: string) {
	const place = parseHostPort(address, "the eIM");
	const endpointOver = (channel: CoapChannel) => {
		const client = new CoapEndpoint(channel, { clock: systemClock, random: systemRandom });
		closers.push(() => client.close());
		return client;
	};
	return transport === "coap" ? overDtls : overTls;

	async function overDtls(credential: TlsCredential | undefined, session?: Uint8Array): Promise<Opened> {
		const opened = await connectDtls({
			...place,
			clock: systemClock,
			trust: { kind: "pinned", spki: eimKey },
			...(credential === undefined ? {} : { identity: credential }),
			...(session === undefined ? {} : { session }),
		});
		const channel = new DatagramChannel(opened, { clock: systemClock, random: systemRandom });
		return { client: endpointOver(channel), isResumed: opened.isResumed, session: opened.session };
	}

	async function overTls(credential: TlsCredential | undefined, session?: Uint8Array): Promise<Opened> {
		const socket = connectTls({
			...place,
			ALPNProtocols: ["coap"],
			// Whom the eIM is taken for is not the question here.
			rejectUnauthorized: false,
			...(credential === undefined ? {} : { cert: credential.certificate, key: credential.key }),
			...(session === undefined ? {} : { session: Buffer.from(session) }),
		});
		// Within this event of Node nothing must be written: the record would be broken.
		const ticket = new Promise<Buffer>((resolve) => socket.once("session", (one) => setImmediate(resolve, one)));
		await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
		const isResumed = socket.isSessionReused();
		const channel = new StreamChannel(socket, { clock: systemClock, remoteAddress: address, maxMessage: 300_000 });
		return { client: endpointOver(channel), isResumed, session: isResumed ? undefined : await ticket };
	}
}

describe.skipIf(features === undefined)("at the port for devices that prove themselves in DTLS", () => {
	const KEY = "00112233445566778899AABBCCDDEEFF";

	it("those with a key come beside those with a certificate, and with a key alone nobody else", async () => {
		const keys = file(`${OTHER}:${KEY}\n`);
		const withKey = { flags: ["--coap-psk-key", KEY, "--coap-psk-identity", OTHER] };
		for (const authority of [["--coap-client-ca", caFile], []]) {
			const settings = [...PROVEN_PORTS.coap, "--coap-psk-file", keys, ...authority];
			const { provenAddress, peers, eim } = await faceOf("P-256", settings);
			await eim.register(Eid(EID));
			await eim.register(OTHER);
			const place = provenAddress("coap");
			const byKey = linkOver("coap", place, targetOf(undefined), withKey).exchange(poll(OTHER));
			expect(await byKey).toEqual(NO_PACKAGE);
			const byCertificate = linkOver("coap", place, pinned, shows(device)).exchange(poll(EID));
			if (authority.length > 0) expect(await byCertificate).toEqual(NO_PACKAGE);
			else await expect(byCertificate).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
			expect(peers.map(({ provenEid }) => provenEid)).toEqual(authority.length > 0 ? [OTHER, EID] : [OTHER]);
		}
	});
});

describe("settings of the eIM that do not fit together", () => {
	it.each([
		[["--coap-client-ca", caFile], "coap.clientCa: neither coap.provenPort nor coap.provenTcpPort"],
		[PROVEN_PORTS["coaps+tcp"], "coap.provenTcpPort: coap.clientCa is not configured"],
		[PROVEN_PORTS.coap, "coap.provenPort: neither coap.pskFile nor coap.clientCa is configured"],
	])("are refused by name at the start: %j", async (flags, message) => {
		await expect(faceOf("P-256", flags)).rejects.toMatchObject({ code: "EIM_FILES_UNPAIRED" });
		await expect(faceOf("P-256", flags)).rejects.toThrow(message);
	});

	it("as is a CA file that is not there or holds no certificate", async () => {
		for (const wrong of ["/no/such-ca.pem", file("nothing")]) {
			const settings = [...PROVEN_PORTS["coaps+tcp"], "--coap-client-ca", wrong];
			await expect(faceOf("P-256", settings)).rejects.toThrow(`coap.clientCa ${wrong} cannot be read: `);
		}
	});
});
