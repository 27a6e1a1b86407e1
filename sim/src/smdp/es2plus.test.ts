import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { shows } from "../../../test/conformance/claim.ts";
import { observeServer, watchServer } from "../../../test/conformance/observation.ts";
import { codeOf, post } from "../rsp-server/test/rsp-client.ts";
import { ICCID, SmdpBench } from "./test/bench.ts";

const CURVES = ["P-256", "brainpoolP256r1"] as const;
const OTHER_ICCID = "8900101000000000026";
const OTHER_EID = "89049032123451234512345678901235";

let bench: SmdpBench | undefined;
afterEach(() => {
	bench?.stop();
	bench = undefined;
});

function start(...args: ConstructorParameters<typeof SmdpBench>): SmdpBench {
	bench = new SmdpBench(...args);
	watchServer("SM-DP+", bench.smdp);
	return bench;
}

describe("DownloadOrder", () => {
	it("takes the profile named, or any available one of a type", async () => {
		const smdp = start();
		smdp.import();
		smdp.import(OTHER_ICCID);
		expect((await smdp.es2plus("downloadOrder", { iccid: `${ICCID}F` })).iccid).toBe(ICCID);
		expect((await smdp.es2plus("downloadOrder", { profileType: "iot" })).iccid).toBe(OTHER_ICCID);
		expect(codeOf(await smdp.es2plus("downloadOrder", { profileType: "iot" }))).toBe("8.2.5/3.7");
		expect(codeOf(await smdp.es2plus("downloadOrder", { profileType: "none" }))).toBe("8.2.5/3.9");
	});

	it("links an EID that is given", async () => {
		const smdp = start();
		smdp.import();
		await smdp.es2plus("downloadOrder", { iccid: ICCID, eid: smdp.pki.eid });
		expect(smdp.stateOf()).toBe("linked");
	});

	it("refuses unknown and ordered profiles, other types, wrong EIDs and an empty request", async () => {
		const smdp = start();
		smdp.import();
		const refused = async (body: Record<string, unknown>) => codeOf(await smdp.es2plus("downloadOrder", body));
		expect(await refused({ iccid: OTHER_ICCID })).toBe("8.2.1/3.9");
		expect(await refused({ iccid: "../../etc/passwd" })).toBe("8.2.1/3.9");
		expect(await refused({ iccid: ICCID, profileType: "other" })).toBe("8.2.5/3.8");
		expect(await refused({ iccid: ICCID, eid: "123" })).toBe("8.1.1/2.1");
		expect(await refused({})).toBe("1.6/2.2");
		expect(await refused({ iccid: 5 })).toBe("1.6/2.1");
		await smdp.es2plus("downloadOrder", { iccid: ICCID });
		expect(await refused({ iccid: ICCID })).toBe("8.2.1/3.3");
	});

	it("gives the same answer to the same call, also after a restart", async () => {
		const smdp = start();
		smdp.import();
		smdp.import(OTHER_ICCID);
		const header = { functionRequesterIdentifier: "2.999.77", functionCallIdentifier: "call-1" };
		const { iccid } = await smdp.es2plus("downloadOrder", { header, profileType: "iot" });
		smdp.restart();
		expect((await smdp.es2plus("downloadOrder", { header, profileType: "iot" })).iccid).toBe(iccid);
		const next = { ...header, functionCallIdentifier: "call-2" };
		expect((await smdp.es2plus("downloadOrder", { header: next, profileType: "iot" })).iccid).not.toBe(iccid);
	});
});

describe("ConfirmOrder", () => {
	async function ordered(eid?: string) {
		const smdp = start();
		smdp.import();
		await smdp.es2plus("downloadOrder", { iccid: ICCID, ...(eid === undefined ? {} : { eid }) });
		const confirm = (body: Record<string, unknown>) =>
			smdp.es2plus("confirmOrder", { iccid: ICCID, releaseFlag: true, ...body });
		return { smdp, confirm };
	}

	it("makes a matching identifier that nobody guesses, or takes the operator's", async () => {
		const { smdp, confirm } = await ordered();
		expect((await confirm({})).matchingId).toMatch(/^([2-9A-Z]{5}-){3}[2-9A-Z]{5}$/);
		smdp.import(OTHER_ICCID);
		await smdp.es2plus("downloadOrder", { iccid: OTHER_ICCID });
		const second = await smdp.es2plus("confirmOrder", {
			iccid: OTHER_ICCID,
			matchingId: "MY-ID",
			releaseFlag: "false",
		});
		expect(second.matchingId).toBe("MY-ID");
		expect(smdp.stateOf(OTHER_ICCID)).toBe("confirmed");
	});

	it("is answered the same when it is repeated", async () => {
		const { confirm } = await ordered();
		expect((await confirm({ matchingId: "AGAIN" })).matchingId).toBe("AGAIN");
		expect((await confirm({ matchingId: "AGAIN" })).matchingId).toBe("AGAIN");
		expect(codeOf(await confirm({ matchingId: "OTHER" }))).toBe("8.2.1/3.3");
	});

	it("refuses a matching identifier that is in use, malformed, or empty without an EID", async () => {
		const { smdp, confirm } = await ordered();
		smdp.import(OTHER_ICCID);
		await smdp.es2plus("downloadOrder", { iccid: OTHER_ICCID });
		await smdp.es2plus("confirmOrder", { iccid: OTHER_ICCID, matchingId: "USED", releaseFlag: true });
		expect(codeOf(await confirm({ matchingId: "USED" }))).toBe("8.2.6/3.3");
		expect(codeOf(await confirm({ matchingId: "no spaces" }))).toBe("8.2.6/2.1");
		expect(codeOf(await confirm({ matchingId: "" }))).toBe("8.1.1/2.2");
	});

	it("refuses another EID than the order's, an SM-DS, and a missing release flag", async () => {
		const { smdp, confirm } = await ordered(OTHER_EID);
		expect(codeOf(await confirm({ eid: smdp.pki.eid }))).toBe("8.1.1/3.10");
		expect(codeOf(await confirm({ smdsAddress: "smds.example.com" }))).toBe("8.9/5.1");
		expect(codeOf(await smdp.es2plus("confirmOrder", { iccid: ICCID }))).toBe("1.6/2.2");
		expect(codeOf(await smdp.es2plus("confirmOrder", { iccid: OTHER_ICCID, releaseFlag: true }))).toBe("8.2.1/3.9");
		expect((await confirm({})).eid).toBe(OTHER_EID);
	});
});

describe("ReleaseProfile and CancelOrder", () => {
	it("release only what is confirmed", async () => {
		const smdp = start();
		smdp.import();
		expect(codeOf(await smdp.es2plus("releaseProfile", { iccid: ICCID }))).toBe("8.2.1/3.5");
		expect(codeOf(await smdp.es2plus("releaseProfile", { iccid: OTHER_ICCID }))).toBe("8.2.1/3.9");
		await smdp.es2plus("downloadOrder", { iccid: ICCID });
		await smdp.es2plus("confirmOrder", { iccid: ICCID, releaseFlag: false });
		expect(codeOf(await smdp.es2plus("releaseProfile", { iccid: ICCID }))).toBe("ok");
		expect(codeOf(await smdp.es2plus("releaseProfile", { iccid: ICCID }))).toBe("ok");
	});

	it.for(CURVES)("give a cancelled profile back, or take it out of use, on %s", async (curve, context) => {
		const smdp = start(curve);
		const matchingId = await smdp.order();
		const cancel = (body: Record<string, unknown>) => smdp.es2plus("cancelOrder", { iccid: ICCID, ...body });
		expect(codeOf(await cancel({}))).toBe("8.2.1/2.2");
		expect(codeOf(await cancel({ finalProfileStatusIndicator: "Gone" }))).toBe("1.6/2.1");
		const available = { finalProfileStatusIndicator: "Available" };
		expect(codeOf(await cancel({ ...available, matchingId: "OTHER" }))).toBe("8.2.6/3.10");
		expect(codeOf(await cancel({ ...available, matchingId }))).toBe("ok");
		expect(smdp.stateOf()).toBe("available");
		expect(codeOf((await smdp.client.download({ matchingId })).answer)).toBe("8.2.6/3.8");
		expect(codeOf(await cancel({ finalProfileStatusIndicator: "Unavailable" }))).toBe("ok");
		expect(codeOf(await smdp.es2plus("downloadOrder", { iccid: ICCID }))).toBe("8.2.1/3.3");
		shows(context, { interface: "ES2+", functions: ["CancelOrder"], curve });
	});

	it("refuse to cancel what an eUICC has already got (8.2.1/3.3)", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		await smdp.client.download({ matchingId });
		const request = { iccid: ICCID, finalProfileStatusIndicator: "Available" };
		expect(codeOf(await smdp.es2plus("cancelOrder", request))).toBe("8.2.1/3.3");
	});
});

describe("HandleDownloadProgressInfo", () => {
	function withOperator(curve: (typeof CURVES)[number] = "P-256") {
		const received: { url: string; body: Record<string, unknown> }[] = [];
		const operator = { status: 204 };
		const progress = {
			url: "http://operator.example.com/",
			post: async (url: string, body: string) => {
				if (operator.status === 0) throw new Error("nobody listens");
				observeServer("SM-DP+", undefined, new URL(url).pathname, new Uint8Array(0));
				received.push({ url, body: JSON.parse(body) as Record<string, unknown> });
				return { status: operator.status, body: "" };
			},
		};
		return { smdp: start(curve, { progress }), received, operator };
	}
	const settled = () => new Promise((resolve) => setImmediate(resolve));

	it.for(CURVES)("tells the operator of each point of a download, on %s", async (curve, context) => {
		const { smdp, received } = withOperator(curve);
		const matchingId = await smdp.order({ confirmationCode: "1234" });
		await smdp.client.download({ matchingId, confirmationCode: "0" });
		const { transactionId } = await smdp.client.download({ matchingId, confirmationCode: "1234" });
		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid: smdp.iccidOctets() }));
		await settled();
		expect(received.map(({ body }) => body.notificationPointId)).toEqual([1, 2, 1, 3, 4]);
		expect(received[0]?.url).toBe("http://operator.example.com/gsma/rsp2/es2plus/handleDownloadProgressInfo");
		expect(received[1]?.body).toMatchObject({
			iccid: ICCID,
			eid: smdp.pki.eid,
			profileType: "iot",
			timestamp: "2026-11-22T08:00:00Z",
			notificationPointStatus: { status: "Failed", statusCodeData: { subjectCode: "8.2.7", reasonCode: "3.8" } },
		});
		expect(received[4]?.body).toMatchObject({
			notificationPointStatus: { status: "Executed-Success" },
			resultData: expect.stringMatching(/^vz/),
		});
		shows(context, { interface: "ES2+", functions: ["HandleDownloadProgressInfo"], curve });
	});

	it("repeats what the operator did not take, in order, also after a restart", async () => {
		const { smdp, received, operator } = withOperator();
		operator.status = 0;
		const matchingId = await smdp.order();
		await smdp.client.download({ matchingId });
		await settled();
		expect(received).toEqual([]);
		operator.status = 503;
		smdp.smdp.stop();
		smdp.restart();
		await settled();
		operator.status = 204;
		received.length = 0;
		smdp.clock.advance(Seconds(2));
		await settled();
		await settled();
		expect(received.map(({ body }) => body.notificationPointId)).toEqual([1, 3]);
		smdp.clock.advance(Minutes(60));
		await settled();
		expect(received).toHaveLength(2);
	});
});

describe("the public face", () => {
	it("answers what it cannot read with a client error", async () => {
		const { smdp } = start();
		const path = "/gsma/rsp2/es2plus/downloadOrder";
		expect((await post(smdp.handle, path, "{")).status).toBe(400);
		expect((await post(smdp.handle, path, "[]")).text).toContain('"subjectCode":"1.3.1"');
		expect((await post(smdp.handle, path, new Uint8Array([0xff, 0xfe]))).status).toBe(400);
		expect((await post(smdp.handle, path, "{}", { "content-type": "text/plain" })).status).toBe(415);
		expect((await post(smdp.handle, "/gsma/rsp2/es2plus/constructor", "{}")).status).toBe(404);
		expect((await post(smdp.handle, "/gsma/rsp2/es9plus/nothing", "{}")).status).toBe(404);
		expect((await post(smdp.handle, "/", "{}")).status).toBe(404);
	});

	it("announces the client's version, and its own to a newer client", async () => {
		const { smdp } = start();
		const version = async (sent: string) => {
			const headers = { "content-type": "application/json; charset=utf-8", "x-admin-protocol": sent };
			const response = await post(smdp.handle, "/gsma/rsp2/es9plus/initiateAuthentication", "{}", headers);
			return response.headers["X-Admin-Protocol"];
		};
		expect(await version("gsma/rsp/v2.2.2")).toBe("gsma/rsp/v2.2.2");
		expect(await version("gsma/rsp/v3.1.0")).toBe("gsma/rsp/v2.5.0");
		expect(await version("nonsense")).toBe("gsma/rsp/v2.5.0");
	});
});
