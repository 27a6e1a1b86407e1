/** What IPAs in the field have sent to another eIM (openiotrsp keeps it in its tests), sent to ours over the JSON binding. */

import { readFileSync } from "node:fs";
import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { toBase64, utf8 } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { shows } from "../conformance/claim.ts";
import { observedEim } from "../conformance/observation.ts";
import { esipaBench } from "../support/esipa-bench.ts";

const EID = Eid("89044045930000000000002153893210");
/** Its IpaEuiccDataResponse without EUICCInfo1, which it has cut too short: the certificate under A6 is left. */
const IPA_EUICC_DATA = withoutEuiccInfo1(
	new Uint8Array(readFileSync(new URL("../vectors/openiotrsp/ipa-euicc-data-response.der", import.meta.url))),
);
/** A compact notification, whose card signs without sending its certificate. */
const NOTIFICATION =
	"oYGMWhCJBEBFkwAAAAAAACFTiTIQvy80gAETgQIEEAwfc20tdjQtMDcyLWFnLWd0bS5wci5nby1lc2ltLmNvbVoKmFN2B2ISlEQQ9V83QLWYaXd4B0vzcPryuzVZyrjzyBmEYGMCZ/zbcXBcwL096JLcyx/adYW9C+q7ZvY7r5i9h8lFDC3ljLHfdQnTd1Q=";

function withoutEuiccInfo1(response: Uint8Array): Uint8Array {
	const whole = readWholeTlv(response);
	const [arm] = readTlvs(response, whole.valueStart, whole.end);
	if (arm === undefined) throw new Error("no arm");
	const members = readTlvs(response, arm.valueStart, arm.end).filter(({ tag }) => tag !== 0xbf20);
	return tlv(0xbf52, tlv(0xa0, ...members.map((member) => tlvBytes(response, member))));
}

let close: (() => Promise<void>) | undefined;
afterEach(() => close?.());

async function bench() {
	const eim = await esipaBench();
	close = eim.close;
	const face = observedEim(eim.face, ["eIM"]);
	const post = async (called: string, body: object) => {
		const answer = await face({
			method: "POST",
			path: `/gsma/rsp2/esipa/${called}`,
			headers: { "content-type": "application/json;charset=UTF-8", "x-admin-protocol": "gsma/rsp/v2.1.0" },
			body: utf8(JSON.stringify(body)),
			remoteAddress: "192.0.2.1",
			signal: new AbortController().signal,
		});
		const text = answer.body === undefined ? "" : Buffer.from(answer.body as Uint8Array).toString("utf8");
		return { status: answer.status, headers: answer.headers, text };
	};
	return { eim, post };
}

describe("messages of real IPAs in JSON", () => {
	it("IpaEuiccData without eidValue: the EID is that of the eUICC certificate in it", async (context) => {
		const { eim, post } = await bench();
		await eim.register(EID, { labMode: "foreign", acceptUnverified: true });
		for (const eimPackageResult of [toBase64(IPA_EUICC_DATA), toBase64(IPA_EUICC_DATA).replace(/=/g, "")]) {
			const { status, headers, text } = await post("provideEimPackageResult", { eimPackageResult });
			expect([status, headers?.["X-Admin-Protocol"]]).toEqual([200, "gsma/rsp/v2.1.0"]);
			expect(JSON.parse(text).header.functionExecutionStatus.status).toBe("Executed-Success");
		}
		const foreign = "IpaEuiccData of a real IPA (openiotrsp)";
		const functions = ["ProvideEimPackageResult"];
		shows(context, { interface: "ESipa", functions, sides: ["eIM"], binding: "json", curve: "P-256", foreign });
	});

	it("IpaEuiccData of a device that is not registered: 8.1.1/3.9, eidNotFound", async () => {
		const { post } = await bench();
		const { status, text } = await post("provideEimPackageResult", { eimPackageResult: toBase64(IPA_EUICC_DATA) });
		expect(status).toBe(200);
		expect(JSON.parse(text).header.functionExecutionStatus).toEqual({
			status: "Failed",
			statusCodeData: { subjectCode: "8.1.1", reasonCode: "3.9" },
		});
	});

	it("a compact notification is told from one that cannot be read, and not taken without a proof", async () => {
		const { eim, post } = await bench();
		expect((await post("handleNotification", { pendingNotification: NOTIFICATION })).status).toBe(403);
		await eim.register(EID);
		expect((await post("handleNotification", { pendingNotification: NOTIFICATION })).status).toBe(403);
		expect((await post("handleNotification", { pendingNotification: NOTIFICATION.slice(0, 40) })).status).toBe(400);
	});
});
