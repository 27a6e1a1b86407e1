import { Hours, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shows } from "../../../test/conformance/claim.ts";
import { watchServer } from "../../../test/conformance/observation.ts";
import { codeOf, get, post } from "../rsp-server/test/rsp-client.ts";
import { inProcess, SmdsBench } from "../smds/test/bench.ts";
import { ICCID, SmdpBench } from "./test/bench.ts";

let smdp: SmdpBench;
let smds: SmdsBench;
let isSmdsReachable: boolean;

function build(curve: "P-256" | "brainpoolP256r1"): void {
	isSmdsReachable = true;
	smds = new SmdsBench(curve);
	const postToSmds = inProcess({
		"smds.example.com": () => {
			if (!isSmdsReachable) throw new Error("nobody listens");
			return smds.smds.handle;
		},
	});
	smdp = new SmdpBench(curve, { postToSmds });
	watchServer("SM-DS", smds.smds);
	watchServer("SM-DP+", smdp.smdp);
}

function tearDown(): void {
	smdp.stop();
	smds.stop();
}

beforeEach(() => build("P-256"));
afterEach(tearDown);

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const announced = () => ({ eid: smdp.pki.eid, smdsAddress: "smds.example.com" });
const events = async () => (await smds.retrieve()).eventEntries ?? [];

async function shown(): Promise<Record<string, unknown>> {
	const { text } = await get(smdp.smdp.handleBench, `/bench/v1/profiles/${ICCID}`);
	return JSON.parse(text) as Record<string, unknown>;
}

async function restarted(): Promise<void> {
	smdp.smdp.stop();
	smdp.restart();
	await settled();
}

describe("an order with an SM-DS (ES12)", () => {
	it.for(["P-256", "brainpoolP256r1"] as const)(
		"is announced when it is released, fetched by the EventID, and its event deleted after that, on %s",
		async (curve, context) => {
			tearDown();
			build(curve);
			const matchingId = await smdp.order({ ...announced(), releaseFlag: false });
			await settled();
			expect(await events()).toEqual([]);
			expect(codeOf(await smdp.es2plus("releaseProfile", { iccid: ICCID }))).toBe("ok");
			await settled();
			const [event] = await events();
			expect(event).toEqual({ eventId: matchingId, rspServerAddress: "smdp.example.com" });
			expect((await shown()).event).toMatchObject({ wanted: "registered", state: "done", attempts: 1 });
			const { transactionId, profile } = await smdp.client.download({ matchingId: event?.eventId ?? "" });
			expect(profile).toBeDefined();
			expect(await events()).toHaveLength(1);
			await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid: smdp.iccidOctets() }));
			await settled();
			expect(smdp.stateOf()).toBe("installed");
			expect(await events()).toEqual([]);
			shows(context, { interface: "ES12", functions: ["RegisterEvent", "DeleteEvent"], curve });
			shows(context, { interface: "ES2+", functions: ["DownloadOrder", "ConfirmOrder", "ReleaseProfile"], curve });
		},
	);

	it("loses its event by CancelOrder, and by an installation that failed", async () => {
		await smdp.order(announced());
		await settled();
		expect(await events()).toHaveLength(1);
		await smdp.es2plus("cancelOrder", { iccid: ICCID, finalProfileStatusIndicator: "Available" });
		await settled();
		expect(await events()).toEqual([]);
		await smdp.es2plus("downloadOrder", { iccid: ICCID });
		const { matchingId = "" } = await smdp.es2plus("confirmOrder", { iccid: ICCID, releaseFlag: true, ...announced() });
		await settled();
		const { transactionId } = await smdp.client.download({ matchingId });
		const failed = { transactionId, iccid: smdp.iccidOctets(), errorReason: 12 };
		await smdp.client.notify(smdp.client.installationResult(failed));
		await settled();
		expect(smdp.stateOf()).toBe("error");
		expect(await events()).toEqual([]);
	});

	it("is registered when the SM-DS is there again, also by the next run of the program", async () => {
		isSmdsReachable = false;
		await smdp.order(announced());
		await settled();
		expect((await shown()).event).toMatchObject({ state: "waiting", attempts: 1, lastError: "nobody listens" });
		await restarted();
		isSmdsReachable = true;
		expect(await events()).toEqual([]);
		smdp.clock.advance(Minutes(1));
		await settled();
		expect(await events()).toHaveLength(1);
		isSmdsReachable = false;
		await smdp.es2plus("cancelOrder", { iccid: ICCID, finalProfileStatusIndicator: "Available" });
		await restarted();
		isSmdsReachable = true;
		smdp.clock.advance(Hours(1));
		await settled();
		expect(await events()).toEqual([]);
	});

	it("is registered though the answer was lost, and deleted though it was registered meanwhile", async () => {
		const lose = { function: "registerEvent", kind: "lose-answer" };
		await post(smds.smds.handleBench, "/bench/v1/faults", lose);
		await smdp.order(announced());
		await smdp.es2plus("cancelOrder", { iccid: ICCID, finalProfileStatusIndicator: "Available" });
		await settled();
		smdp.clock.advance(Seconds(2));
		await settled();
		expect(await events()).toEqual([]);
	});

	it("stays an order when the SM-DS refuses the event; the bench shows why", async () => {
		const refuse = { function: "registerEvent", kind: "refuse", subjectCode: "8.9", reasonCode: "4.2" };
		await post(smds.smds.handleBench, "/bench/v1/faults", refuse);
		const matchingId = await smdp.order(announced());
		await settled();
		expect((await shown()).event).toMatchObject({ state: "refused", lastError: expect.stringMatching(/^8\.9\/4\.2/) });
		expect((await smdp.client.download({ matchingId })).profile).toBeDefined();
	});

	it("needs an EID (8.1.1/2.2), a MatchingID (8.2.6/2.1) and an address (8.9/5.1)", async () => {
		smdp.import();
		await smdp.es2plus("downloadOrder", { iccid: ICCID });
		const confirm = async (body: Record<string, unknown>) =>
			codeOf(await smdp.es2plus("confirmOrder", { iccid: ICCID, releaseFlag: true, ...body }));
		expect(await confirm({ smdsAddress: "smds.example.com" })).toBe("8.1.1/2.2");
		expect(await confirm({ ...announced(), matchingId: "" })).toBe("8.2.6/2.1");
		expect(await confirm({ ...announced(), smdsAddress: "smds.example.com/evil?" })).toBe("8.9/5.1");
		expect(await confirm(announced())).toBe("ok");
	});
});

describe("an order without MatchingID (default SM-DP+)", () => {
	it("is found by the EID, with an empty and with no MatchingID, and announced nowhere", async () => {
		await smdp.order({ eid: smdp.pki.eid, matchingId: "" });
		expect((await smdp.client.download({ matchingId: "" })).profile).toBeDefined();
		expect((await smdp.client.download({})).profile).toBeDefined();
		await settled();
		expect(await events()).toEqual([]);
	});
});
