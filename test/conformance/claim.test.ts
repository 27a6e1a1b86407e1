import { describe, expect, it } from "vitest";
import { shows, showsProcedure } from "./claim.ts";
import { observeEsipa } from "./observation.ts";

/** A test that keeps its claims to itself. */
const context = () => ({ task: { name: "a test", meta: {} } }) as unknown as Parameters<typeof shows>[0];
const poll = { interface: "ESipa", functions: ["GetEimPackage"], curve: "P-256" } as const;

describe("a claim", () => {
	it("of a function that was not seen in this test, in this form and of this side, does not count", () => {
		expect(() => shows(context(), { ...poll, binding: "asn1" })).toThrow("has not seen ESipa GetEimPackage asn1");
		observeEsipa("/gsma/rsp2/esipa/getEimPackage", new Uint8Array(0), ["eIM"]);
		expect(() => shows(context(), { ...poll, binding: "asn1" })).toThrow("has not seen");
		expect(() => shows(context(), { ...poll, binding: "json" })).toThrow("json of IPA");
		shows(context(), { ...poll, binding: "json", sides: ["eIM"] });
	});

	it("is not helped by what an earlier test has seen", () => {
		expect(() => shows(context(), { ...poll, binding: "json", sides: ["eIM"] })).toThrow("has not seen");
	});

	it("names a row of the page, a side that has a part in it, and its form", () => {
		expect(() => shows(context(), { ...poll, functions: ["Poll"], binding: "asn1" })).toThrow('has no "Poll"');
		expect(() => shows(context(), { ...poll, sides: ["SM-DS"], binding: "asn1" })).toThrow("SM-DS has no part");
		expect(() => shows(context(), poll)).toThrow("say which one was");
		const where = { binding: "asn1", curve: "P-256" } as const;
		expect(() => showsProcedure(context(), where)).toThrow('has no "a test"');
	});
});
