/**
 * minimizeEsipaBytes (SGP.32 v1.2): the IPA leaves out what the eIM knows, the SM-DP+ verifies what the eIM has put in
 * again. Cards, IPA, eIM and SM-DP+ are the real ones, over both bindings and both curves.
 */

import { Iccid } from "@iot-esim/shared/ids/iccid";
import { toHex } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { shows } from "../conformance/claim.ts";
import { BINDINGS_AND_CURVES, type SeenExchange } from "../support/esipa-face-client.ts";
import { SMDP } from "../support/smdp-bench.ts";
import { type ChainOptions, ipaSettings, TARGET, wholeChain } from "../support/whole-chain.ts";

const target = Iccid(TARGET);
const procedures = { ...ipaSettings.procedures, minimizeBytes: true };

let closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
	for (const close of closing.reverse()) await close();
	closing = [];
});

/** A chain whose exchanges are seen, and whose eIM has the device's data. */
async function chain(given: ChainOptions = {}) {
	const exchanges: SeenExchange[] = [];
	const parts = await wholeChain({ ...given, ipa: { procedures }, seen: (exchange) => exchanges.push(exchange) });
	closing.push(() => parts.close());
	const { eim, eid, round } = parts;
	const read = await eim.order(eid, { type: "readEuiccData", parameters: {} });
	await round();
	expect(await eim.state(read)).toBe("succeeded");
	exchanges.length = 0;
	return { ...parts, exchanges };
}

/** Octets that the device has sent for a function, by its tag in ASN.1 or its path in JSON. */
function sent(exchanges: readonly SeenExchange[], tag: string, path: string): number[] {
	return exchanges
		.filter((one) => one.path.endsWith(path) || toHex(one.request.subarray(0, 2)) === tag)
		.map(({ request }) => request.length);
}

/** What the device has sent for a function, members of JSON as the octets that they stand for, in hex. */
function octetsOf(exchanges: readonly SeenExchange[], tag: string, path: string): string {
	const requests = exchanges.filter((one) => one.path.endsWith(path) || toHex(one.request.subarray(0, 2)) === tag);
	const members = requests.flatMap((one) => {
		if (!one.path.endsWith(path)) return [toHex(one.request)];
		const body = JSON.parse(new TextDecoder().decode(one.request)) as Record<string, unknown>;
		return Object.values(body).map((value) => (typeof value === "string" ? toHex(Buffer.from(value, "base64")) : ""));
	});
	return members.join(" ");
}

describe.each(BINDINGS_AND_CURVES)("compact messages with ESipa in %s on %s", (binding, curve) => {
	it("carry a download, its notification and those of a switch to the SM-DP+", async (context) => {
		const { eim, eid, smdp, round, profiles, orderDownload, exchanges } = await chain({ binding, curve });
		const download = await orderDownload();
		await round();
		expect(await eim.store.loadOperation(download)).toMatchObject({ state: "succeeded", outcome: { iccid: target } });
		const [authentication = 0, ...again] = sent(exchanges, "BF3B", "/authenticateClient");
		expect(again).toEqual([]);
		// The certificates alone have more than a kilobyte.
		expect(authentication).toBeLessThan(400);
		expect(sent(exchanges, "BF3D", "/handleNotification")[0]).toBeLessThan(250);
		expect(octetsOf(exchanges, "BF3A", "/getBoundProfilePackage")).toMatch(/BF21(81)?..A2/);

		const enable = await eim.order(eid, { type: "enable", parameters: { iccid: target, rollback: false } });
		await round();
		expect(await eim.state(enable)).toBe("succeeded");
		expect(Math.max(...sent(exchanges, "BF50", "/provideEimPackageResult"))).toBeLessThan(800);
		expect(await profiles()).toMatchObject({ [target]: "enabled" });
		await round();
		await eim.jobs.runDue();
		const delivered = smdp.notifications();
		expect(delivered.map(({ event }) => event).sort()).toEqual(["enable", "install"]);
		expect(delivered.every(({ isVerified }) => isVerified)).toBe(true);
		shows(context, { interface: "eIM packages", functions: ["compact messages"], binding, curve });
		const functions = [
			"AuthenticateClient",
			"GetBoundProfilePackage",
			"HandleNotification",
			"ProvideEimPackageResult with notifications",
		];
		shows(context, { interface: "Compact messages", functions, binding, curve });
	});

	it("carry the end of a session, whose reason the eIM knows", async (context) => {
		const { eim, eid, smdp, round, release, exchanges } = await chain({ binding, curve });
		const expected = { iccid: Iccid("8900101000000000034") };
		const parameters = { smdpAddress: SMDP, matchingId: await release(), expected };
		const download = await eim.order(eid, { type: "download", parameters });
		await round();
		expect(await eim.store.loadOperation(download)).toMatchObject({
			state: "failed",
			reason: { code: "cancelSession: metadataMismatch(4)" },
		});
		expect(octetsOf(exchanges, "BF41", "/cancelSession")).toMatch(/(A1|BF41)(81)?..A2/);
		expect(smdp.profiles().find((one) => one.iccid === TARGET)?.state).toBe("error");
		shows(context, { interface: "Compact messages", functions: ["CancelSession"], binding, curve });
	});
});

describe("compact messages", () => {
	it("are not sent to an eIM that has not asked what the IPA can do", async () => {
		const exchanges: SeenExchange[] = [];
		const { orderDownload, round, eim, close } = await wholeChain({
			ipa: { procedures },
			seen: (exchange) => exchanges.push(exchange),
		});
		closing.push(close);
		const download = await orderDownload();
		const first = await round();
		expect(first).toBeGreaterThan(0);
		expect(await eim.state(download)).toBe("succeeded");
		expect(sent(exchanges, "BF3B", "/authenticateClient")[0]).toBeGreaterThan(1000);
	});

	it("are followed by the full ones when the eIM has lost what they rest on", async () => {
		const { eim, eid, round, orderDownload, exchanges } = await chain();
		const euiccInfo2 = (await eim.store.loadDevice(eid))?.euiccInfo2;
		if (euiccInfo2 === undefined) throw new Error("the eIM has no EUICCInfo2");
		const older = euiccInfo2.slice();
		// Another profileVersion: the eIM's copy comes from a backup.
		older[older.indexOf(0x81) + 2] = 9;
		await eim.store.changeDevice(eid, { euiccInfo2: older });
		const download = await orderDownload();
		await round();
		expect(await eim.state(download)).toBe("succeeded");
		const [compact = 0, full = 0] = sent(exchanges, "BF3B", "/authenticateClient");
		expect(compact).toBeLessThan(400);
		expect(full).toBeGreaterThan(1000);
	});
});
