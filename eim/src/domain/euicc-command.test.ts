import { Iccid } from "@iot-esim/shared/ids/iccid";
import { describe, expect, it } from "vitest";
import { checkPackage, type EuiccCommand, MOST_COMMANDS } from "./euicc-command.ts";

const OWN = "eim.example.com";
const iccid = Iccid("8949000000000000001");
const enable: EuiccCommand = { type: "enable", parameters: { iccid, rollback: true } };
const disable: EuiccCommand = { type: "disable", parameters: { iccid } };
const remove: EuiccCommand = { type: "delete", parameters: { iccid } };
const list: EuiccCommand = { type: "listProfiles", parameters: {} };
const listEims: EuiccCommand = { type: "listEims", parameters: {} };
const leave: EuiccCommand = { type: "deleteEim", parameters: { eimId: OWN } };
const dismiss: EuiccCommand = { type: "deleteEim", parameters: { eimId: "other" } };

describe("a package", () => {
	it.each<[string, EuiccCommand[]]>([
		["one command", [list]],
		["a list before a switch", [list, disable, enable, remove]],
		["several deletions", [remove, remove]],
		["commands on eIMs with the own removal last", [listEims, dismiss, leave]],
	])("may have %s", (_, commands) => {
		expect(checkPackage(commands, OWN)).toBeUndefined();
	});

	it.each<[string, EuiccCommand[], string]>([
		["nothing", [], "at least one"],
		["too much", Array.from({ length: MOST_COMMANDS + 1 }, () => remove), "at most 32"],
		["commands on profiles and on eIMs", [list, listEims], "commands[1] (listEims)"],
		["two enables", [enable, remove, enable], "commands[2] (enable): a package has at most one enable"],
		["two disables", [disable, disable], "at most one disable"],
		["a list after an enable", [enable, list], "cannot follow enable"],
		["a list after a deletion", [remove, list], "cannot follow delete"],
		["anything after the own removal", [leave, listEims], "comes last"],
	])("may not have %s, and the refusal names command and rule", (_, commands, words) => {
		const refusal = checkPackage(commands, OWN);
		expect(refusal?.code).toBe("PACKAGE_RULE_BROKEN");
		expect(refusal?.message).toContain(words);
	});
});
