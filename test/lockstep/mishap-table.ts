/** Which mishap of which procedure is shown by what: the table in README.md. */

import { PROCEDURES } from "../conformance/procedures.ts";
import { OTHER_FLOWS, PACKAGE_FLOWS } from "./mishap-flows.ts";
import { MISHAPS } from "./mishap-kinds.ts";
import type { FlowKind } from "./mishap-scene.ts";
import { canHappen } from "./play-mishaps.ts";

/** What a cell says: where it is played, or why it cannot happen. */
export type Shown = { readonly file: string; readonly test: string } | { readonly never: string };

const WHY_NOT: Readonly<Record<string, Readonly<Partial<Record<FlowKind, string>>>>> = {
	"wrong eIM signature": {
		data: "IpaEuiccDataRequest is not signed",
		"indirect download": "the eIM signs nothing in a download",
		"direct download": "the eIM signs nothing in a download",
		"cancelled download": "the eIM signs nothing in a download",
	},
	"wrong EID": { "cancelled download": "the SM-DP+ refuses another card before there is anything to cancel" },
	"duplicate result": {
		injection: "the result is the answer to what was brought: there is one, and a lost one is brought again",
	},
	"result for an unknown transaction": {
		injection: "the result is the answer to what was brought, over the connection that it was brought by",
	},
};

const NO_COUNTER = "there is no eUICC package and so no counter";
const NO_BPP = "no Bound Profile Package goes over the lines";

function whyNot(mishap: string, kind: FlowKind): string {
	const why = WHY_NOT[mishap]?.[kind];
	if (why !== undefined) return why;
	if (mishap.includes("counter")) return NO_COUNTER;
	if (mishap === "truncated BPP" || mishap === "wrong MAC in the third block") return NO_BPP;
	if (kind === "cancelled download") return "the SM-DP+ refuses such a card before there is anything to cancel";
	throw new Error(`no reason why "${mishap}" cannot happen in a procedure with ${kind}`);
}

const ASSOCIATION = "test/lockstep/mishaps-of-association.test.ts";
const NOBODY_SIGNS = "whoever sets the device up gives the card its eIM: nothing is signed, counted, sent or answered";

/** 3.5.2 Add Initial eIM: between a card and the one who sets the device up. */
const OF_ASSOCIATION: Readonly<Record<string, string>> = {
	"lost answer": "the answer is lost of APDU n, for every n: asked again, the card belongs to the eIM",
	"card removed": "the card is removed before APDU n, for every n: asked again, the card belongs to the eIM",
	"power cut between any two APDUs":
		"the power is cut after APDU n, for every n: asked again, the card belongs to the eIM",
};

const IPAE = "test/lockstep/mishaps-of-ipae.test.ts";

/** 3.8.4 IPAe Activation: the first words of the tests. */
const OF_IPAE_NEVER: Readonly<Record<string, string>> = {
	"truncated BPP": NO_BPP,
	"wrong MAC in the third block": NO_BPP,
	"card removed": "the IPA is in the card and has no power without its device: see the power cut",
};

/** What shows this mishap in this procedure. */
export function shownBy(procedure: string, mishap: string): Shown {
	if (procedure === "3.5.2 Add Initial eIM") {
		const test = OF_ASSOCIATION[mishap];
		return test === undefined ? { never: NOBODY_SIGNS } : { file: ASSOCIATION, test };
	}
	if (procedure === "3.8.4 IPAe Activation") {
		const never = OF_IPAE_NEVER[mishap];
		const test = mishap === "power cut between any two APDUs" ? "power cut after" : mishap;
		return never === undefined ? { file: IPAE, test } : { never };
	}
	const flow = [...PACKAGE_FLOWS, ...OTHER_FLOWS].find((one) => one.procedure === procedure);
	const kind = MISHAPS.find((one) => one.name === mishap);
	if (flow === undefined || kind === undefined) throw new Error(`nobody plays "${mishap}" in "${procedure}"`);
	if (!canHappen(kind, flow)) return { never: flow.never?.[mishap] ?? whyNot(mishap, flow.kind) };
	const isPackage = flow.kind === "package" || flow.kind === "injection";
	return { file: `test/lockstep/mishaps-of-${isPackage ? "packages" : "downloads"}.test.ts`, test: mishap };
}

const SHORT: Readonly<Record<string, string>> = {
	"test/lockstep/mishaps-of-packages.test.ts": "P",
	"test/lockstep/mishaps-of-downloads.test.ts": "D",
	[ASSOCIATION]: "A",
	[IPAE]: "E",
};

/** The table as Markdown: a letter for the file that plays it, a number for the reason why it cannot happen. */
export function mishapTable(): string {
	const names = MISHAPS.map(({ name }) => name);
	const reasons: string[] = [];
	const cellOf = (procedure: string, mishap: string) => {
		const shown = shownBy(procedure, mishap);
		if ("file" in shown) return SHORT[shown.file] ?? "?";
		if (!reasons.includes(shown.never)) reasons.push(shown.never);
		return `–${reasons.indexOf(shown.never) + 1}`;
	};
	const rows = PROCEDURES.map((one) => `| ${one} | ${names.map((name) => cellOf(one, name)).join(" | ")} |`);
	const head = `| procedure | ${names.join(" | ")} |\n| --- |${" --- |".repeat(names.length)}`;
	const files = Object.entries(SHORT).map(([file, letter]) => `- ${letter}: \`${file}\``);
	const why = reasons.map((reason, index) => `- –${index + 1}: cannot happen here, ${reason}`);
	return [head, ...rows, "", ...files, ...why, ""].join("\n");
}
