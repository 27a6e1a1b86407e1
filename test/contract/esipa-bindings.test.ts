/** One suite over both bindings of ESipa and both curves: the real client of the IPA against the real handler of the eIM. */

import { Iccid } from "@iot-esim/shared/ids/iccid";
import { ESIPA_FUNCTION_NAMES } from "@iot-esim/shared/messages/sgp32/json/esipa-json";
import { toHex } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
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

/** The function that an exchange called, by the one thing that tells it in its binding. */
function functionOf({ path, request }: SeenExchange): string {
	if (path !== "/gsma/rsp2/asn1") return path.replace("/gsma/rsp2/esipa/", "");
	return TAGS[toHex(request.subarray(0, 2))] ?? "unknown";
}

describe.each(BINDINGS_AND_CURVES)("ESipa in %s on %s", (binding, curve) => {
	it("carries every function that an IPA calls, in a download, a cancelled one, commands and notifications", async () => {
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
		expect([...called].sort()).toEqual(ESIPA_FUNCTION_NAMES.filter((name) => name !== "transferEimPackage").sort());
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
