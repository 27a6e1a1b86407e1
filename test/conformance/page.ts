import type { Claim } from "./claim.ts";
import { INTERFACES, type Interface } from "./functions.ts";

/** A claim with the test that made it and passed: `file › describe › test`. */
export interface Proof extends Claim {
	readonly test: string;
}

/** One line of the page that can be compared: cell and test. */
export function lineOf(proof: Proof): string {
	return [
		proof.interface,
		proof.function,
		proof.side,
		proof.binding,
		proof.curve,
		proof.foreign ?? "",
		proof.test,
	].join("\t");
}

const INTRODUCTION = `# Conformance

Written by \`npm run conformance\` from a run of \`npm test\`; every run of \`npm test\` holds its tests against this page. A cell is
yes only where tests that ran and passed say so: the numbers name them below, each with what else it proved. A dash is an open
cell. **N** stands for P-256, **B** for brainpoolP256r1, and **f** marks a proof with a foreign program or foreign octets.
What was run by hand against foreign programs is in [interop.md](interop.md), what is read how in
[interpretation-log.md](interpretation-log.md). Versions 1.1 and 1.3 of SGP.32 are written from a list of differences, with no
module and no foreign program at hand: take them as unproven even where our own parts agree.
`;

/** The page that these proofs make; the same proofs always make the same octets. */
export function conformancePage(proofs: readonly Proof[]): string {
	const tests = [...new Set(proofs.map(({ test }) => test))].sort();
	const number = new Map(tests.map((test, index) => [test, index + 1]));
	const sections = INTERFACES.map((one) => section(one, proofs, number));
	const list = tests.map((test, index) => `${index + 1}. ${test}`);
	return `${INTRODUCTION}\n${sections.join("\n")}\n## Tests\n\n${list.join("\n")}\n`;
}

function section(one: Interface, proofs: readonly Proof[], number: ReadonlyMap<string, number>): string {
	const columns = one.sides.flatMap((side) => one.bindings.map((binding) => ({ side, binding })));
	const named = columns.map(({ side, binding }) => (binding === "" ? side : `${side} ${LABEL[binding]}`));
	const rows = one.functions.map((name) => {
		const cells = columns.map(({ side, binding }) =>
			cell(
				proofs.filter(
					(proof) =>
						proof.interface === one.name && proof.function === name && proof.side === side && proof.binding === binding,
				),
				number,
			),
		);
		return `| ${name} | ${cells.join(" | ")} |`;
	});
	const ruler = `| --- |${" --- |".repeat(columns.length)}`;
	return `## ${one.name}\n\n${one.section}.\n\n| function | ${named.join(" | ")} |\n${ruler}\n${rows.join("\n")}\n`;
}

const LABEL = { asn1: "ASN.1", json: "JSON" } as const;

function cell(proofs: readonly Proof[], number: ReadonlyMap<string, number>): string {
	if (proofs.length === 0) return "–";
	const marks = [
		...(proofs.some(({ curve }) => curve === "P-256") ? ["N"] : []),
		...(proofs.some(({ curve }) => curve === "brainpoolP256r1") ? ["B"] : []),
		...[...new Set(proofs.flatMap(({ foreign }) => (foreign === undefined ? [] : [`f: ${foreign}`])))].sort(),
	];
	const numbers = [...new Set(proofs.map(({ test }) => number.get(test) ?? 0))].sort((a, b) => a - b);
	return `yes ${marks.join(" ")} [${numbers.join(", ")}]`;
}

/** What the page says, as lines of `lineOf`; kept beside it so that runs can be compared. */
export function conformanceLines(proofs: readonly Proof[]): string {
	return `${[...new Set(proofs.map(lineOf))].sort().join("\n")}\n`;
}
