import { describe, expect, it } from "vitest";
import { EsipaTopics } from "./esipa-topics.ts";
import { decodeRefusal, encodeRefusal } from "./refusal.ts";

const EID = "89049032123451234512345678901235";
const OTHER = "89049032123451234512345678901332";
const topics = new EsipaTopics("a/b");

describe("topics of ESipa", () => {
	it("lead from a request to its answer, with and without a number", () => {
		for (const number of [undefined, 0, 99]) {
			const read = topics.readUp(topics.request(EID, number));
			expect(read).toMatchObject({ kind: "request", eid: EID });
			const down = topics.readDown(EID, read?.kind === "request" ? read.answerTopic : "");
			expect(down).toEqual({ kind: "answer", ...(number === undefined ? {} : { number: String(number) }) });
		}
	});

	it("lead from a package to its answer, at the replica that asked", () => {
		const down = topics.readDown(EID, topics.transfer(EID, "r1", 12345678));
		const up = topics.readUp(down?.kind === "transfer" ? down.answerTopic : "");
		expect(up).toEqual({ kind: "transferAnswer", eid: EID, number: "12345678" });
		expect(topics.transferAnswerFilter("r1")).toBe("a/b/u/+/t/r1/+");
	});

	it.each([
		"",
		"a/b",
		`u/${EID}`,
		`a/u/${EID}`,
		`a/b/u/${EID}/`,
		`a/b/u/${EID}/x`,
		`a/b/u/${EID}/123456789`,
		`a/b/u/${EID}/1/2`,
		`a/b/u/${EID}5`,
		`a/b/u/${EID.slice(1)}`,
		`a/b/u/${EID}/t/R/1`,
		`a/b/u/${EID}/t/r/`,
		`a/b/d/${EID}/1`,
		`a/b/u/${EID}\n`,
	])("that are none of this binding are none: %j", (topic) => {
		expect(topics.readUp(topic)).toBeUndefined();
	});

	it("of another device say nothing to a device, and take no answers of it", () => {
		for (const topic of [
			`a/b/d/${OTHER}`,
			`a/b/d/${OTHER}/1`,
			`a/b/d/${OTHER}/h`,
			`a/b/u/${EID}/1`,
			`a/b/d/${EID}/x/y`,
		]) {
			expect(topics.readDown(EID, topic)).toBeUndefined();
		}
		expect(topics.isOf(EID, `a/b/d/${EID}/any/where`)).toBe(true);
		for (const topic of [`a/b/d/${OTHER}/1`, `a/b/d/${EID}5`, `a/b/d/${EID}/+`, `a/b/d/${EID}/#`, `a/b/u/${EID}`]) {
			expect(topics.isOf(EID, topic)).toBe(false);
		}
	});
});

describe("a refusal in place of an answer", () => {
	it.each([400, 403, 404, 413, 429, 500, 503])("keeps status %i in one octet, as CoAP writes it", (status) => {
		const octets = encodeRefusal({ status, text: "für" });
		expect([octets[0], octets[1]]).toEqual([0, Math.floor(status / 100) * 32 + (status % 100)]);
		expect(decodeRefusal(octets)).toEqual({ status, text: "für" });
	});

	it("is bounded, may say nothing, and is no ESipa message", () => {
		expect(encodeRefusal({ status: 500, text: "x".repeat(1000) })).toHaveLength(202);
		expect(decodeRefusal(Uint8Array.of(0))).toEqual({ status: 500, text: "" });
		expect(decodeRefusal(Uint8Array.of(0xbf, 0x4f, 0))).toBeUndefined();
		expect(decodeRefusal(new Uint8Array(0))).toBeUndefined();
	});
});
