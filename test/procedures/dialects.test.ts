/**
 * Cards and IPAs of every version of SGP.32 with this eIM: what each sends is read, and what each gets is in its own forms.
 * Versions 1.1 and 1.3 are here no more than their differences in `messages/sgp32/dialect/table.ts`: no foreign program
 * has proven them.
 */

import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { readLaterFields } from "@iot-esim/shared/messages/sgp32/dialect/later-fields";
import { SGP32_VERSIONS, type Sgp32Version } from "@iot-esim/shared/messages/sgp32/dialect/version";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { type Curve, shows } from "../conformance/claim.ts";
import { esipaBench, poll, SigningCard, testPki } from "../support/esipa-bench.ts";
import { CURVES } from "../support/esipa-face-client.ts";
import { SMDP } from "../support/smdp-bench.ts";
import { BOOTSTRAP, TARGET, wholeChain } from "../support/whole-chain.ts";

const bootstrap = Iccid(BOOTSTRAP);
const target = Iccid(TARGET);
const { eid } = testPki();

let chain: Awaited<ReturnType<typeof wholeChain>> | undefined;
afterEach(async () => {
	await chain?.close();
	chain = undefined;
});

const open = async (version: Sgp32Version, curve: Curve = "P-256") => {
	chain = await wholeChain({ curve, card: { iotVersion: version }, ipa: { eimDialect: version } });
	return chain;
};

/** As the rows of the conformance page are named. */
const ROWS: Readonly<Record<Sgp32Version, string>> = {
	"1.0": "v1.0.1",
	"1.1": "v1.1 (unproven)",
	"1.2": "v1.2",
	"1.3": "v1.3 (unproven)",
};

describe.each(SGP32_VERSIONS)("an IPA and a card of version %s", (version) => {
	it.for(CURVES)("give their data, download, switch and list on %s", async (curve, context) => {
		const { eim, eid, round, release, profiles } = await open(version, curve);
		const data = await eim.order(eid, { type: "readEuiccData", parameters: {} });
		await round();
		expect(await eim.store.loadOperation(data)).toMatchObject({ state: "succeeded" });
		const { dialect, euiccInfo2 = hex`BF2200` } = (await eim.store.loadDevice(eid)) ?? {};
		const { euiccMinimumSecurityLevel } = readLaterFields("EUICCInfo2", euiccInfo2);
		expect(euiccMinimumSecurityLevel).toEqual(version === "1.3" ? hex`00` : undefined);
		expect(dialect).toMatchObject({ euiccVersion: version, euiccVersionFrom: "EUICCInfo2" });
		expect(dialect?.version).toBe(version === "1.0" ? "1.0" : "1.2");
		const matchingId = await release();
		const download = await eim.order(eid, { type: "download", parameters: { smdpAddress: SMDP, matchingId } });
		await round();
		expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded", outcome: { iccid: target } });
		const enable = await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: true } });
		await round();
		expect(await eim.store.loadOperation(enable)).toMatchObject({ state: "succeeded" });
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await round();
		expect(await eim.store.loadOperation(list)).toMatchObject({ state: "succeeded" });
		expect(await profiles()).toEqual({ [target]: "enabled", [bootstrap]: "disabled" });
		shows(context, { interface: "Dialects", functions: [ROWS[version]], curve });
	});
});

describe("a card of version 1.0", () => {
	it("is not sent what it does not have, and the operator reads why", async () => {
		const { eim, round } = await open("1.0");
		await eim.order(eid, { type: "readEuiccData", parameters: {} });
		await round();
		const parameters = { iccid: bootstrap };
		const id = await eim.order(eid, { type: "setFallbackAttribute", parameters });
		await round();
		expect(await eim.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: {
				code: "DEVICE_VERSION_LACKS_COMMAND",
				text: "SGP.32 v1.0, which this eUICC implements, has no setFallbackAttribute.",
			},
		});
	});
});

describe("an IPA of version 1.0", () => {
	it("is told from the first result that it gives", async () => {
		const { eim, round } = await open("1.0");
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await round();
		expect((await eim.store.loadDevice(eid))?.dialect).toMatchObject({
			version: "1.0",
			versionFrom: "ProvideEimPackageResult",
		});
		await round();
		expect(await eim.state(list)).toBe("succeeded");
	});
});

describe("a result without EID", () => {
	let bench: Awaited<ReturnType<typeof esipaBench>>;
	afterEach(() => bench.close());

	it("is known by its transaction when it comes over another connection than its package went", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, { type: "enable", parameters: { iccid: target, rollback: true } });
		const executed = new SigningCard(bench.pki).execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		expect(toHex(await bench.ask(tlv(0xbf50, executed)))).toBe("BF5006BF5303800101");
		expect(await bench.state(id)).toBe("succeeded");
		expect(await bench.store.loadDevice(eid)).toMatchObject({ dialect: { version: "1.0" } });
		expect(toHex(await bench.ask(hex`BF50 03 020102`))).toBe("BF5000");
	});
});
