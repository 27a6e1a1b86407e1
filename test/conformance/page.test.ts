import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { INTERFACES, OVER_OTHER_TRANSPORTS } from "./functions.ts";
import { conformancePage, proofsOfLines } from "./page.ts";
import { PROCEDURES } from "./procedures.ts";

const proofs = proofsOfLines(readFileSync(new URL("proven.tsv", import.meta.url), "utf8"));

/** While the page is written, it is that of the run before. */
describe.skipIf(process.env.CONFORMANCE === "write")("the conformance page", () => {
	it("is the one that its proofs make (`vitest run test/conformance --update` lays it out anew)", async () => {
		await expect(conformancePage(proofs)).toMatchFileSnapshot("../../docs/conformance.md");
	});

	it.each(PROCEDURES)("%s has one test in each form on each curve", (procedure) => {
		const cells = proofs
			.filter((proof) => proof.interface === "Procedures" && proof.function === procedure)
			.map(({ binding, curve }) => `${binding} ${curve}`);
		expect(cells.sort()).toEqual(["asn1 P-256", "asn1 brainpoolP256r1", "json P-256", "json brainpoolP256r1"]);
	});

	it.each(PROCEDURES)("%s is shown over each other transport on each curve", (procedure) => {
		const cells = proofs
			.filter((proof) => proof.interface === OVER_OTHER_TRANSPORTS && proof.function === procedure)
			.map(({ binding, curve }) => `${binding} ${curve}`);
		const each = ["coap", "coaps+tcp", "lwm2m", "mqtt"].flatMap((one) => [`${one} P-256`, `${one} brainpoolP256r1`]);
		expect([...new Set(cells)].sort()).toEqual(each);
	});

	it("has proofs of nothing but its rows", () => {
		const known = INTERFACES.flatMap((one) => one.functions.map((name) => `${one.name}: ${name}`));
		const proven = new Set(proofs.map((proof) => `${proof.interface}: ${proof.function}`));
		expect([...proven].filter((row) => !known.includes(row))).toEqual([]);
	});
});
