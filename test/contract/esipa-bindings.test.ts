/** One suite over both bindings of ESipa and both curves: the real client of the IPA against the real handler of the eIM. */

import { Iccid } from "@iot-esim/shared/ids/iccid";
import { ESIPA_FUNCTION_NAMES } from "@iot-esim/shared/messages/sgp32/json/esipa-json";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { shows } from "../conformance/claim.ts";
import { EIM_ID } from "../support/esipa-bench.ts";
import { BINDINGS_AND_CURVES, type SeenExchange } from "../support/esipa-face-client.ts";
import { SMDP } from "../support/smdp-bench.ts";
import { BOOTSTRAP, type ChainOptions, profileDescription, TARGET, wholeChain } from "../support/whole-chain.ts";

const TAGS: Readonly<Record<string, string>> = {
	BF39: "initiateAuthentication",
	BF3B: "authenticateClient",
	BF3A: "getBoundProfilePackage",
	BF4F: "getEimPackage",
	BF50: "provideEimPackageResult",
	BF3D: "handleNotification",
	BF41: "cancelSession",
};
const WITH_POLICY_RULE = "8900101000000000034";

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
	await close?.();
	close = undefined;
});

async function chain(given: ChainOptions) {
	const seen: SeenExchange[] = [];
	const parts = await wholeChain({ ...given, seen: (exchange) => seen.push(exchange) });
	close = parts.close;
	return { ...parts, seen };
}

const pascalCase = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

/** The function that an exchange called, by the one thing that tells it in its binding. */
function functionOf({ path, request }: SeenExchange): string {
	if (path !== "/gsma/rsp2/asn1") return path.replace("/gsma/rsp2/esipa/", "");
	return TAGS[toHex(request.subarray(0, 2))] ?? "unknown";
}

describe.each(BINDINGS_AND_CURVES)("ESipa in %s on %s", (binding, curve) => {
	it("carries every function that an IPA calls, in a download, a cancelled one, commands and notifications", async (context) => {
		const { eim, eid, round, release, orderDownload, seen, profiles } = await chain({
			binding,
			curve,
			card: { rulesAuthorisationTable: [] },
		});
		const refused = await release(WITH_POLICY_RULE, `${profileDescription(WITH_POLICY_RULE)}policyRules: [ppr1]\n`);
		const parameters = { smdpAddress: SMDP, matchingId: refused };
		const cancelled = await eim.order(eid, { type: "download", parameters });
		await round();
		expect(await eim.state(cancelled)).toBe("failed");
		const download = await orderDownload();
		await round();
		expect(await eim.state(download)).toBe("succeeded");
		const enable = await eim.order(eid, { type: "enable", parameters: { iccid: Iccid(TARGET), rollback: true } });
		await round();
		await round();
		expect(await eim.state(enable)).toBe("succeeded");
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await round();
		expect(await eim.state(list)).toBe("succeeded");
		expect(await profiles()).toEqual({ [TARGET]: "enabled", [BOOTSTRAP]: "disabled" });
		const called = new Set(seen.map(functionOf));
		const ofIpa = ESIPA_FUNCTION_NAMES.filter((name) => name !== "transferEimPackage");
		expect([...called].sort()).toEqual([...ofIpa].sort());
		shows(context, { interface: "ESipa", functions: ofIpa.map(pascalCase), binding, curve });
	});

	it("has the path, the media type and the headers of SGP.32 section 6.1 in every exchange", async () => {
		const { orderDownload, round, seen } = await chain({ binding, curve });
		await orderDownload();
		await round();
		for (const exchange of seen) {
			const isJson = binding === "json";
			expect(exchange.requestHeaders).toMatchObject({
				"user-agent": "gsma-rsp-ipad",
				"x-admin-protocol": "gsma/rsp/v2.5.0",
				"content-type": isJson ? "application/json;charset=UTF-8" : "application/x-gsma-rsp-asn1",
			});
			expect(exchange.path).toBe(isJson ? `/gsma/rsp2/esipa/${functionOf(exchange)}` : "/gsma/rsp2/asn1");
			const isNotification = functionOf(exchange) === "handleNotification";
			expect([exchange.status, exchange.response.length > 0]).toEqual(isNotification ? [204, false] : [200, true]);
			if (!isJson || isNotification) continue;
			const { header } = JSON.parse(new TextDecoder().decode(exchange.response));
			expect(header.functionExecutionStatus.status).toMatch(/^(Executed-Success|Failed)$/);
		}
	});
});

describe.each(BINDINGS_AND_CURVES)("ESipa.TransferEimPackage in %s on %s", (inject, curve) => {
	const start = () => chain({ binding: inject, inject, curve });

	it("brings a switch of profiles, whose result the device provides itself, and a download likewise", async () => {
		const parts = await start();
		const { eim, eid, orderDownload, profiles, seen } = parts;
		const download = await orderDownload();
		await until(parts, async () => (await eim.state(download)) === "succeeded");
		const enable = await eim.order(eid, { type: "enable", parameters: { iccid: Iccid(TARGET), rollback: true } });
		await until(parts, async () => (await eim.state(enable)) === "succeeded");
		expect(seen.map(functionOf)).toContain("provideEimPackageResult");
		expect(seen.map(functionOf)).not.toContain("getEimPackage");
		expect(await profiles()).toMatchObject({ [TARGET]: "enabled" });
	});

	it("brings it again when the answer was lost, and the card executes it once", async () => {
		const parts = await start();
		const { eim, eid, injection, events, device } = parts;
		// Something to know the card's certificates and token by.
		const first = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await until(parts, async () => (await eim.state(first)) === "succeeded");
		const isExecuted = (event: string) => event === "package-executed";
		const before = events.filter(isExecuted).length;
		injection.losesAnswers = true;
		const remove = await eim.order(eid, { type: "setDefaultDpAddress", parameters: { smdpAddress: SMDP } });
		await eim.jobs.runDue();
		expect(await eim.state(remove)).toBe("sent");
		injection.losesAnswers = false;
		await until(parts, async () => (await eim.state(remove)) === "succeeded");
		expect(events.filter(isExecuted)).toHaveLength(before + 1);
		expect((await eim.store.loadDevice(eid))?.defaultSmdpAddress).toBe(SMDP);
		expect(device.errors).toEqual([]);
	});

	it("is polled and brought at the same time: the card executes each package once", async () => {
		const parts = await start();
		const { eim, eid, ipa, round } = parts;
		let executed = 0;
		ipa.events.onAny((event) => {
			if (event.type === "package-executed" && event.outcome === "signed-result") executed++;
		});
		for (const smdpAddress of ["a.example", "b.example", "c.example"]) {
			await eim.order(eid, { type: "setDefaultDpAddress", parameters: { smdpAddress } });
		}
		await Promise.all([eim.jobs.runDue(), round(), eim.jobs.runDue()]);
		await round();
		const counters = (await eim.store.listOperations({ eid, limit: 20, origin: "operator" })).items.map(
			({ state }) => state,
		);
		expect(counters).toEqual(["succeeded", "succeeded", "succeeded"]);
		expect(executed).toBe(3);
	});

	it("fetches the result of a polled package that the device cannot deliver", async () => {
		const parts = await start();
		const { eim, eid, ipa, peers, round } = parts;
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await until(parts, async () => (await eim.state(list)) === "succeeded");
		const face = peers.get(EIM_ID);
		const stop = ipa.events.onAny((event) => event.type === "package-executed" && peers.delete(EIM_ID));
		const set = await eim.order(eid, { type: "setDefaultDpAddress", parameters: { smdpAddress: SMDP } });
		await expect(round()).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
		stop();
		expect(await eim.state(set)).toBe("sent");
		await eim.jobs.runDue();
		expect(await eim.state(set)).toBe("succeeded");
		if (face !== undefined) peers.set(EIM_ID, face);
		expect(await round()).toBe(0);
		expect(await eim.state(set)).toBe("succeeded");
	});

	it("is heard only from an eIM that shows its certificate, and needs no line: what waits is polled for", async () => {
		const parts = await start();
		const { eim, eid, injection, round, pki } = parts;
		const eimCertificate = injection.certificate;
		injection.certificate = pki.dpTls.certificate;
		const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
		await eim.jobs.runDue();
		expect(injection.seen.at(-1)?.status).toBe(403);
		injection.certificate = eimCertificate;
		injection.isCut = true;
		await eim.clock.advance(Seconds(30));
		await eim.jobs.runDue();
		expect(await eim.state(list)).toBe("sent");
		await round();
		expect(await eim.state(list)).toBe("succeeded");
	});
});

/** Jobs on fake time, and the device in its own, until something is so. */
async function until({ eim }: Awaited<ReturnType<typeof chain>>, isSo: () => Promise<boolean>): Promise<void> {
	for (let turn = 0; turn < 100; turn++) {
		await eim.jobs.runDue();
		if (await isSo()) return;
		await new Promise((resolve) => setTimeout(resolve, 5));
		await eim.clock.advance(Seconds(60));
	}
	throw new Error(`it never came to that: ${JSON.stringify(eim.entries.slice(-10))}`);
}
