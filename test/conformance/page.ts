import type { Claim, Curve } from "./claim.ts";
import { type Binding, INTERFACES, type Interface, type Side } from "./functions.ts";

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

/** The proofs of such lines. */
export function proofsOfLines(text: string): Proof[] {
	const lines = text.split("\n").filter((line) => line !== "");
	return lines.map((line) => {
		const [name = "", one = "", side = "", binding = "", curve = "", foreign = "", test = ""] = line.split("\t");
		return {
			interface: name,
			function: one,
			side: side as Side,
			binding: binding as Binding,
			curve: curve as Curve,
			foreign: foreign === "" ? undefined : foreign,
			test,
		};
	});
}

const INTRODUCTION = `# Conformance

Which function of the standards each part has been seen doing, in which form and on which curve. Written by
\`npm run conformance\` from a run of \`npm test\` beside the foreign programs, and by \`npm run conformance:long\`; every run of the
tests is held against it.

- A cell is **yes** only where tests that ran and passed say so. **N** stands for P-256, **B** for brainpoolP256r1; the numbers
  name the tests at the end of the page, where ‹binding› and ‹curve› stand for both forms and both curves, and ‹transport›
  for one of those that carry ESipa besides HTTPS.
- A claim of a function of an interface counts only when the bench has seen it go over that interface in that very test.
- **foreign** names the program or the octets, not of this project, that stood on the other side. What was run by hand is in
  [interop.md](interop.md), what is read how in [interpretation-log.md](interpretation-log.md).
- A dash is an open cell; all of them are listed below the summary.
- Versions 1.1 and 1.3 of SGP.32 are written from a list of differences, with no module and no foreign program at hand: take
  them as unproven even where our own parts agree.
`;

interface Column {
	readonly side: Side;
	readonly binding: Binding;
}

const LABEL = {
	asn1: "ASN.1",
	json: "JSON",
	coap: "CoAP",
	"coaps+tcp": "CoAP on TLS",
	mqtt: "MQTT",
	lwm2m: "LwM2M",
} as const;
const nameOf = ({ side, binding }: Column) => (binding === "" ? side : `${side} ${LABEL[binding]}`);

const columnsOf = (one: Interface): readonly Column[] =>
	one.sides.flatMap((side) => one.bindings.map((binding) => ({ side, binding })));

function proofsOf(proofs: readonly Proof[], one: Interface, name: string, { side, binding }: Column): readonly Proof[] {
	return proofs.filter(
		(proof) =>
			proof.interface === one.name && proof.function === name && proof.side === side && proof.binding === binding,
	);
}

/** The page that these proofs make; the same proofs always make the same octets. */
export function conformancePage(proofs: readonly Proof[]): string {
	const tests = [...new Set(proofs.map(({ test }) => variantsOf(test)))].sort();
	const number = new Map(tests.map((test, index) => [test, index + 1]));
	const sections = INTERFACES.map((one) => section(one, proofs, number));
	const list = tests.map((test, index) => `${index + 1}. ${test}`);
	const parts = [INTRODUCTION, summary(proofs), openCells(proofs), ...sections, `## Tests\n\n${list.join("\n")}\n`];
	return parts.join("\n");
}

/** One name for a test in both forms, on both curves and over all transports. */
function variantsOf(test: string): string {
	return test
		.replaceAll(/\b(asn1|json|ASN\.1|JSON)\b/g, "‹binding›")
		.replaceAll(/\bover (coaps\+tcp|coap|mqtt|lwm2m)\b/g, "over ‹transport›")
		.replaceAll(/\b(P-256|brainpoolP256r1)\b/g, "‹curve›");
}

const anchorOf = (name: string) =>
	name
		.toLowerCase()
		.replaceAll(/[^a-z0-9 -]/g, "")
		.replaceAll(" ", "-");

function summary(proofs: readonly Proof[]): string {
	const rows = INTERFACES.map((one) => {
		const columns = columnsOf(one);
		const cells = one.functions.flatMap((name) => columns.map((column) => proofsOf(proofs, one, name, column)));
		const having = (is: (proof: Proof) => boolean) => cells.filter((cell) => cell.some(is)).length;
		const counts = [
			`${having(() => true)} of ${cells.length}`,
			having(({ curve }) => curve === "P-256"),
			having(({ curve }) => curve === "brainpoolP256r1"),
			having(({ foreign }) => foreign !== undefined),
		];
		return `| [${one.name}](#${anchorOf(one.name)}) | ${counts.join(" | ")} |`;
	});
	const head = "| interface | cells yes | on P-256 | on brainpoolP256r1 | with a foreign side |";
	return `## Summary\n\n${head}\n| --- | --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

function openCells(proofs: readonly Proof[]): string {
	const open = INTERFACES.flatMap((one) =>
		one.functions.flatMap((name) => {
			const columns = columnsOf(one).filter((column) => proofsOf(proofs, one, name, column).length === 0);
			if (columns.length === 0) return [];
			const why = one.open?.[name] ?? "no test shows it yet";
			return [`| ${one.name} | ${name} | ${columns.map(nameOf).join(", ")} | ${why} |`];
		}),
	);
	if (open.length === 0) return "## Open cells\n\nNone.\n";
	return `## Open cells\n\n| interface | function | of | why |\n| --- | --- | --- | --- |\n${open.join("\n")}\n`;
}

function section(one: Interface, proofs: readonly Proof[], number: ReadonlyMap<string, number>): string {
	const columns = columnsOf(one);
	const rows = one.functions.map((name) => {
		const cells = columns.map((column) => cell(proofsOf(proofs, one, name, column), number));
		return `| ${name} | ${cells.join(" | ")} |`;
	});
	const ruler = `| --- |${" --- |".repeat(columns.length)}`;
	const head = `| function | ${columns.map(nameOf).join(" | ")} |`;
	return `## ${one.name}\n\n${one.section}.\n\n${head}\n${ruler}\n${rows.join("\n")}\n`;
}

function cell(proofs: readonly Proof[], number: ReadonlyMap<string, number>): string {
	if (proofs.length === 0) return "–";
	const foreign = [...new Set(proofs.flatMap((proof) => (proof.foreign === undefined ? [] : [proof.foreign])))].sort();
	const marks = [
		...(proofs.some(({ curve }) => curve === "P-256") ? ["N"] : []),
		...(proofs.some(({ curve }) => curve === "brainpoolP256r1") ? ["B"] : []),
		...(foreign.length === 0 ? [] : [`foreign: ${foreign.join(", ")}`]),
	];
	const numbers = [...new Set(proofs.map(({ test }) => number.get(variantsOf(test)) ?? 0))].sort((a, b) => a - b);
	return `yes ${marks.join(" ")} [${numbers.join(", ")}]`;
}

/** What the page says, as lines of `lineOf`; kept beside it so that runs can be compared. */
export function conformanceLines(proofs: readonly Proof[]): string {
	return `${[...new Set(proofs.map(lineOf))].sort().join("\n")}\n`;
}

/** Procedures that two tests claim over the same binding and curve: each has one test. */
export function claimedTwice(proofs: readonly Proof[]): string[] {
	const cells = new Map<string, Set<string>>();
	for (const { interface: name, function: procedure, binding, curve, test } of proofs) {
		if (name !== "Procedures") continue;
		const key = `${procedure} ${binding} ${curve}`;
		cells.set(key, (cells.get(key) ?? new Set()).add(test));
	}
	return [...cells].filter(([, tests]) => tests.size > 1).map(([key, tests]) => `${key}: ${[...tests].join("; ")}`);
}
