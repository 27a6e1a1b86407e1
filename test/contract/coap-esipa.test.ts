/** ESipa over CoAP between the parts that the settings of both programs make: real DTLS, TLS and sockets. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Eid } from "@iot-esim/shared/ids/eid";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { Days } from "@iot-esim/shared/util/duration";
import { afterAll, describe, expect, it } from "vitest";
import { NO_PACKAGE } from "../support/esipa-octets.ts";
import { findFreePortPair } from "../support/free-port-pair.ts";
import {
	type Curve,
	EID,
	FAILING,
	faceOf,
	large,
	linkOver,
	NOTIFICATION,
	PORTS,
	poll,
	targetOf,
} from "./coap-programs.ts";
import { features } from "./dtls-bench.ts";
import { pem, pkis, spki } from "./http-bench.ts";

const folder = mkdtempSync(path.join(tmpdir(), "coap-esipa-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(["coap", "coaps+tcp"] as const)("ESipa over %s", (transport) => {
	const start = (curve: Curve = "P-256") => faceOf(curve, PORTS[transport]);
	const isMissing = transport === "coap" && features === undefined;

	it.skipIf(isMissing)("goes to an eIM that shows what the card pins, and to no other, on both curves", async () => {
		for (const curve of ["P-256", "brainpoolP256r1"] as const) {
			const { eimTls, tlsCa, dsTls } = pkis[curve];
			const { address, peers } = await start(curve);
			const trusted = [
				linkOver(transport, address(transport), targetOf({ publicKey: spki(eimTls) })),
				linkOver(transport, address(transport), targetOf({ certificate: eimTls.certificate })),
				linkOver(transport, address(transport), targetOf({ certificate: tlsCa.certificate })),
				linkOver(transport, address(transport), targetOf(undefined), { fallbackCa: [pem(tlsCa)] }),
			];
			for (const link of trusted) expect(await link.exchange(poll(EID))).toEqual(poll(EID));
			expect(peers).toHaveLength(4);
			for (const pinned of [{ publicKey: spki(dsTls) }, { certificate: dsTls.certificate }]) {
				const link = linkOver(transport, address(transport), targetOf(pinned));
				await expect(link.exchange(poll(EID))).rejects.toMatchObject({
					code: "IPA_EIM_UNREACHABLE",
					context: { transportCode: expect.stringMatching(/UNTRUSTED/) },
				});
			}
			expect(peers).toHaveLength(4);
		}
	});

	it.skipIf(isMissing)("carries messages of 128 KB both ways, and answers that are none", async () => {
		const { address, peers } = await start();
		const link = linkOver(transport, address(transport), targetOf({ publicKey: spki(pkis["P-256"].eimTls) }));
		const message = large(131_000);
		expect(equalBytes(await link.exchange(message), message)).toBe(true);
		expect(await link.exchange(NOTIFICATION)).toHaveLength(0);
		await expect(link.exchange(FAILING)).rejects.toMatchObject({ code: "IPA_EIM_STATUS", context: { status: 504 } });
		// One session, which the eIM knows again.
		expect(new Set(peers.map(({ connection }) => connection)).size).toBe(1);
	});

	it.skipIf(isMissing)("tells a device that stays reachable that something waits for it", async () => {
		const { address, eim } = await start();
		const eid = Eid(EID);
		await eim.register(eid, eim.known);
		let polls = 0;
		const flags = ["--coap-stay"];
		const pinned = targetOf({ publicKey: spki(pkis["P-256"].eimTls) });
		const link = linkOver(transport, address(transport), pinned, { flags, pollSoon: () => polls++ });
		await link.exchange(poll(EID));
		const hinted = async (count: number) => {
			for (let turn = 0; turn < 1500 && polls < count; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
			return polls;
		};
		const order = { type: "setDefaultDpAddress", parameters: { smdpAddress: "smdp.example.com" } } as const;
		await eim.order(eid, order, Days(36_500));
		expect(await hinted(1)).toBe(1);
		// Who comes later finds it waiting.
		await link.close();
		linkOver(transport, address(transport), pinned, { flags, pollSoon: () => polls++ });
		expect(await hinted(2)).toBe(2);
	});

	it.skipIf(isMissing)("comes back when the eIM has started anew", async () => {
		const at = [PORTS[transport][0] ?? "", String(await findFreePortPair())];
		const first = await faceOf("P-256", at);
		const link = linkOver(transport, first.address(transport), targetOf({ publicKey: spki(pkis["P-256"].eimTls) }));
		await link.exchange(poll(EID));
		await first.face.close();
		const { peers } = await faceOf("P-256", at);
		expect(await link.exchange(poll(EID))).toEqual(poll(EID));
		expect(peers).toHaveLength(1);
	});
});

describe.skipIf(features === undefined)("ESipa over coap, with a key of each device", () => {
	const KEY = "00112233445566778899AABBCCDDEEFF";
	const withKey = (key: string, more: readonly string[] = []) => ({ flags: ["--coap-psk-key", key, ...more] });

	it("proves the device, which speaks in no other's name; an unknown identity and a wrong key are refused", async () => {
		const file = path.join(folder, "keys.txt");
		writeFileSync(file, `${EID}:${KEY}\n`);
		const { address, peers, entries, eim } = await faceOf("P-256", [...PORTS.coap, "--coap-psk-file", file]);
		await eim.register(Eid(EID));
		// Nothing but the key is needed: the card pins nothing.
		const link = linkOver("coap", address("coap"), targetOf(undefined), withKey(KEY));
		expect(await link.exchange(poll(EID))).toEqual(NO_PACKAGE);
		expect(peers[0]?.provenEid).toBe(EID);
		const other = Eid.withCheckDigits("890490320000000000000000000002");
		await expect(link.exchange(poll(other))).rejects.toMatchObject({ context: { status: 403 } });
		for (const wrong of [withKey(`${KEY}00`), withKey(KEY, ["--coap-psk-identity", other])]) {
			// What cannot be decrypted is dropped without a word.
			wrong.flags.push("--eim-timeout", "2s");
			const refused = linkOver("coap", address("coap"), targetOf(undefined), wrong);
			await expect(refused.exchange(poll(EID))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		}
		expect(peers).toHaveLength(2);
		expect(entries.filter(({ phrase }) => phrase === "request refused")).toMatchObject([
			{ facts: { error: { code: "ESIPA_OTHER_DEVICE" } } },
		]);
	});

	it("speaks the cipher suites that both ends allow, and a wrong name of one is told", async () => {
		const suite = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8";
		const { address } = await faceOf("P-256", [...PORTS.coap, "--coap-cipher-suites", suite]);
		const target = targetOf({ publicKey: spki(pkis["P-256"].eimTls) });
		const link = (name: string) => linkOver("coap", address("coap"), target, { flags: ["--coap-cipher-suites", name] });
		expect(await link(suite).exchange(poll(EID))).toEqual(poll(EID));
		await expect(link("TLS_ECDHE_ECDSA_WITH_AES_128_CCM").exchange(poll(EID))).rejects.toMatchObject({
			code: "IPA_EIM_UNREACHABLE",
		});
		expect(() => link("ECDHE")).toThrow(/none of TLS_ECDHE/);
		await expect(faceOf("P-256", [...PORTS.coap, "--coap-cipher-suites", "ECDHE"])).rejects.toThrow(
			/none of TLS_ECDHE/,
		);
	});
});
