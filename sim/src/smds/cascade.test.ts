import { Days, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shows } from "../../../test/conformance/claim.ts";
import { watchServer } from "../../../test/conformance/observation.ts";
import { codeOf } from "../rsp-server/test/rsp-client.ts";
import { callJson, inProcess, SmdsBench } from "./test/bench.ts";

let root: SmdsBench;
let alternative: SmdsBench;
let isRootReachable = true;

function build(curve: "P-256" | "brainpoolP256r1"): void {
	isRootReachable = true;
	root = new SmdsBench(curve, { addresses: ["root.example.com"] });
	watchServer("SM-DS", root.smds);
	const post = inProcess({
		"root.example.com": () => {
			if (!isRootReachable) throw new Error("nobody listens");
			return root.smds.handle;
		},
	});
	const changes = { addresses: ["alternative.example.com"], root: { address: "root.example.com", post } };
	alternative = new SmdsBench(curve, changes, root.clock);
}

function tearDown(): void {
	alternative.stop();
	root.stop();
}

beforeEach(() => build("P-256"));
afterEach(tearDown);

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const forward = (eventId: string) => alternative.register(eventId, { forwardingIndicator: true });
const atRoot = async () => (await root.retrieve(undefined, "root.example.com")).eventEntries ?? [];

describe("a cascade of SM-DS (ES15)", () => {
	it.for(["P-256", "brainpoolP256r1"] as const)(
		"leads the eUICC from the root to the alternative SM-DS, and from there to the SM-DP+, on %s",
		async (curve, context) => {
			tearDown();
			build(curve);
			expect(codeOf(await forward("E1"))).toBe("ok");
			const [first, ...others] = await atRoot();
			expect(others).toEqual([]);
			expect(first?.rspServerAddress).toBe("alternative.example.com");
			expect(first?.eventId).not.toBe("E1");
			const second = await alternative.retrieve(first?.eventId, first?.rspServerAddress);
			expect(second.eventEntries).toEqual([{ eventId: "E1", rspServerAddress: "smdp.example.com" }]);
			expect(codeOf(await alternative.delete("E1"))).toBe("ok");
			await settled();
			expect(await atRoot()).toEqual([]);
			shows(context, { interface: "ES15", functions: ["RegisterEvent", "DeleteEvent"], curve });
		},
	);

	it("forwards only what it is asked to, and asks the root once for a registration that is repeated", async () => {
		await alternative.register("E1");
		expect(await atRoot()).toEqual([]);
		const [a, b] = await Promise.all([forward("E2"), forward("E2")]);
		expect([codeOf(a), codeOf(b), codeOf(await forward("E2"))]).toEqual(["ok", "ok", "ok"]);
		expect(await atRoot()).toHaveLength(1);
		expect(codeOf(await forward("E1"))).toBe("8.9.5/3.3");
	});

	it("deletes at the root too, also one that cannot be reached for a while, over restarts", async () => {
		await forward("E1");
		isRootReachable = false;
		expect(codeOf(await alternative.delete("E1"))).toBe("ok");
		await settled();
		expect((await alternative.retrieve(undefined, "alternative.example.com")).eventEntries).toEqual([]);
		expect(await atRoot()).toHaveLength(1);
		alternative.smds.stop();
		alternative.restart();
		await settled();
		isRootReachable = true;
		alternative.clock.advance(Minutes(1));
		await settled();
		expect(await atRoot()).toEqual([]);
	});

	it("registers nothing when the root cannot be reached (8.9/5.1) or refuses (8.9/4.2)", async () => {
		isRootReachable = false;
		expect(codeOf(await forward("E1"))).toBe("8.9/5.1");
		expect(alternative.smds.events()).toEqual([]);
		isRootReachable = true;
		const refusing = { function: "registerEvent", kind: "refuse", subjectCode: "8.9.5", reasonCode: "3.3" };
		const { signal } = new AbortController();
		await root.smds.handleBench({
			method: "POST",
			path: "/bench/v1/faults",
			headers: {},
			body: new TextEncoder().encode(JSON.stringify(refusing)),
			remoteAddress: "127.0.0.1",
			signal,
		});
		expect(codeOf(await forward("E1"))).toBe("8.9/4.2");
		expect(alternative.smds.events()).toEqual([]);
		root.clock.advance(Minutes(1));
		await settled();
		expect(codeOf(await forward("E1"))).toBe("ok");
		expect(await atRoot()).toHaveLength(1);
	});

	it("takes back at the root what it registered there when the answer was lost", async () => {
		const lost = { function: "registerEvent", kind: "lose-answer" };
		const { signal } = new AbortController();
		const body = new TextEncoder().encode(JSON.stringify(lost));
		const request = { path: "/bench/v1/faults", headers: {}, body, remoteAddress: "127.0.0.1", signal };
		await root.smds.handleBench({ ...request, method: "POST" });
		expect(codeOf(await forward("E1"))).toBe("8.9/5.1");
		root.clock.advance(Seconds(10));
		await settled();
		expect(await atRoot()).toEqual([]);
	});

	it("ends the event at the root when it expires", async () => {
		await forward("E1");
		root.clock.advance(Days(29));
		await forward("E2");
		root.clock.advance(Days(1));
		expect((await alternative.retrieve(undefined, "alternative.example.com")).eventEntries).toMatchObject([
			{ eventId: "E2" },
		]);
		await settled();
		expect(await atRoot()).toHaveLength(1);
	});

	it("is served by the root only: nobody registers below an alternative SM-DS", async () => {
		const body = { eid: root.pki.eid, eventId: "X", rspServerAddress: "third.example.com" };
		await expect(callJson(alternative.smds.handle, "/gsma/rsp2/es15/registerEvent", body)).rejects.toThrow(SyntaxError);
		expect(codeOf(await callJson(root.smds.handle, "/gsma/rsp2/es15/registerEvent", body))).toBe("ok");
	});
});
