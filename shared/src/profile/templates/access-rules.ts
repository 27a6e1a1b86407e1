/** The access rules that the file templates refer to, as records of EF.ARR (TCA section 9.9, ETSI TS 102 221 §9.2.7). */

import { concatBytes } from "../../util/bytes.ts";

type Condition = "always" | "never" | "pin" | "pin2" | "adm";

/** Access mode octets of files: what a condition is for. */
const READ = 0x01;
const UPDATE = 0x02;
const DEACTIVATE = 0x08;
const ACTIVATE = 0x10;
const DELETE = 0x40;
const MANAGE = DELETE | ACTIVATE | DEACTIVATE;
const CREATE_EF = 0x02;
const CREATE_DF = 0x04;

/** One entry of a rule: the access mode, or the INS of a command where the mode octet has no bit for it. */
interface RuleEntry {
	readonly mode?: number;
	readonly ins?: number;
	readonly condition: Condition;
}

const rule = (...entries: [number, Condition][]): RuleEntry[] =>
	entries.map(([mode, condition]) => ({ mode, condition }));

const INCREASE = 0x32;

const RULES: readonly (readonly RuleEntry[])[] = [
	rule([READ, "always"], [UPDATE, "pin"], [MANAGE, "adm"]),
	rule([READ, "pin"], [UPDATE | MANAGE, "adm"]),
	rule([READ | UPDATE | MANAGE, "adm"]),
	rule([READ, "always"], [UPDATE | DEACTIVATE | ACTIVATE, "never"], [DELETE, "adm"]),
	rule([READ | UPDATE, "pin"], [MANAGE, "adm"]),
	rule([READ | ACTIVATE, "pin"], [UPDATE | DEACTIVATE | DELETE, "adm"]),
	[...rule([READ | UPDATE, "pin"], [MANAGE, "adm"]), { ins: INCREASE, condition: "pin" }],
	rule([READ, "pin"], [UPDATE, "pin2"], [MANAGE, "adm"]),
	rule([READ, "always"], [UPDATE | DEACTIVATE | ACTIVATE, "pin"], [DELETE, "adm"]),
	rule([READ, "always"], [UPDATE | MANAGE, "adm"]),
	rule([READ, "always"], [DEACTIVATE | ACTIVATE, "adm"], [UPDATE | DELETE, "never"]),
	rule([READ, "pin"], [UPDATE | MANAGE, "never"]),
	rule([READ | UPDATE | ACTIVATE, "pin"], [DELETE | DEACTIVATE, "adm"]),
	rule([DELETE | ACTIVATE | DEACTIVATE | CREATE_DF | CREATE_EF, "adm"]),
];

/** Security condition data objects: always, never, or a PIN by its key reference with "verify" as usage. */
function conditionOctets(condition: Condition): number[] {
	if (condition === "always") return [0x90, 0x00];
	if (condition === "never") return [0x97, 0x00];
	const keyReference = { pin: 0x01, pin2: 0x81, adm: 0x0a }[condition];
	return [0xa4, 0x06, 0x83, 0x01, keyReference, 0x95, 0x01, 0x08];
}

function entryOctets({ mode, ins, condition }: RuleEntry): Uint8Array {
	const accessMode = ins === undefined ? [0x80, 0x01, mode ?? 0] : [0x84, 0x01, ins];
	return Uint8Array.from([...accessMode, ...conditionOctets(condition)]);
}

/** The fourteen records, without filler. */
export const ACCESS_RULE_RECORDS: readonly Uint8Array[] = RULES.map((entries) =>
	concatBytes(...entries.map(entryOctets)),
);
