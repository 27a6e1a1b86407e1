/** What the IPA refuses before the card is asked: a server that is not the one of the trigger. */

import { encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { hex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { expect, it } from "vitest";
import { testPki } from "../support/esipa-bench.ts";
import { DeviceBench } from "./ipa-device-bench.ts";

const CI = hex`F54172BDF98A95D65CBEB88A38A1C11D800A85C3`;
const INFO1 = tlv(0xbf20, hex`8203020500`, tlv(0xa9, tlv(0x04, CI)), tlv(0xaa, tlv(0x04, CI)));
const CHALLENGE = new Uint8Array(16).fill(7);
const TRANSACTION = hex`A1A2A3A4`;

/** A device whose eIM answers InitiateAuthentication with a server that says of itself what is given. */
async function download(given: { trigger: string; address: string; ci?: Uint8Array }) {
	const bench = new DeviceBench();
	bench.card.answers.set(0xbf20, () => INFO1);
	bench.card.answers.set(0xbf2e, () => tlv(0xbf2e, tlv(0x80, CHALLENGE)));
	bench.card.answers.set(0xbf41, () => hex`BF41 03 81 01 05`);
	const serverSigned1 = encode(ServerSigned1, {
		transactionId: TRANSACTION,
		euiccChallenge: CHALLENGE,
		serverAddress: given.address,
		serverChallenge: CHALLENGE,
	});
	const ok = tlv(
		0xa0,
		tlv(0x80, TRANSACTION),
		serverSigned1,
		tlv(0x5f37, new Uint8Array(64)),
		tlv(0x04, given.ci ?? CI),
		testPki().dpAuth.certificate,
	);
	bench.eim.answers.set(0xbf39, () => tlv(0xbf39, ok));
	bench.eim.answers.set(0xbf41, () => hex`BF41 02 A0 00`);
	bench.eim.packages.push(tlv(0xbf54, tlv(0xa0, tlv(0x80, utf8(given.trigger)))));
	await bench.round(await bench.restart());
	return bench;
}

it.each([
	["signs another address", { trigger: "1$smdp.example.com$M-1", address: "evil.example.com" }],
	["has another OID", { trigger: "1$smdp.example.com$M-1$2.999.77", address: "smdp.example.com" }],
	[
		"asks for a CI that the card has no key under",
		{ trigger: "1$smdp.example.com$M-1", address: "smdp.example.com", ci: new Uint8Array(20) },
	],
])(
	"a server that %s: the card signs nothing for it, and the session is cancelled at card and eIM",
	async (_, given) => {
		const bench = await download(given);
		expect(bench.card.commands.filter((command) => command.startsWith("BF38"))).toEqual([]);
		const cancelled = toHex(tlv(0xbf41, tlv(0x80, TRANSACTION), hex`81017F`));
		expect(bench.card.commands).toContain(cancelled);
		// The answer of the card under A1 in place of its own tag, then the error of the trigger.
		expect(bench.eim.messages).toContain(toHex(tlv(0xbf41, tlv(0x80, TRANSACTION), hex`A1 03 81 01 05`)));
		expect(bench.eim.results.at(-1)).toMatch(/BF54/);
		expect(bench.types()).toContain("download-failed");
	},
);
