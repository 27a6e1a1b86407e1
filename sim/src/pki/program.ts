import { parseCurve } from "@iot-esim/shared/crypto/curve";
import { Eid } from "@iot-esim/shared/ids/eid";
import type { SerialSource } from "@iot-esim/shared/pki/issue";
import type { EidConstraint } from "@iot-esim/shared/pki/issue-roles";
import { Command } from "commander";
import { SimPkiError } from "./errors.ts";
import { loadPki, requireMember, saveEuicc, savePki } from "./pki-directory.ts";
import { defaultEid, defaultHosts, issueEuiccCredential, makeTestPki, TEST_EIN } from "./test-pki.ts";

/** What the program needs from outside. */
export interface SimPkiEffects {
	readonly random: SerialSource;
	readonly now: () => number;
	readonly print: (line: string) => void;
}

interface InitOptions {
	readonly dir: string;
	readonly curve: string;
	readonly eid: string;
	readonly ein?: string;
	readonly eidConstraint: string;
	readonly dpHost: string;
	readonly dsHost: string;
	readonly eimHost: string;
	readonly force?: boolean;
}

/** `sim-pki init` and `sim-pki euicc`. */
export function simPkiProgram(effects: SimPkiEffects): Command {
	const program = new Command("sim-pki").description("test certificates of all RSP roles; nothing in them is secret");
	program
		.command("init")
		.description("make CI, EUM, eUICC, SM-DP+, SM-DS and eIM certificates with their keys")
		.requiredOption("--dir <folder>", "where the files go")
		.option("--curve <curve>", "P-256 or brainpool", "P-256")
		.option("--eid <digits>", "EID of the first card", defaultEid)
		.option(
			"--ein <digits,...>",
			`beginnings of the EIDs that the EUM may issue (default: 8 digits of --eid, ${TEST_EIN})`,
		)
		.option("--eid-constraint <form>", "nameConstraints or permittedEins", "nameConstraints")
		.option("--dp-host <name,...>", "DNS names of the SM-DP+", defaultHosts.dp.join(","))
		.option("--ds-host <name,...>", "DNS names of the SM-DS", defaultHosts.ds.join(","))
		.option("--eim-host <name,...>", "DNS names of the eIM", defaultHosts.eim.join(","))
		.option("--force", "replace a PKI that is already there")
		.action((options: InitOptions) => init(options, effects));
	program
		.command("euicc")
		.description("make the certificate and key of one more card")
		.requiredOption("--dir <folder>", "the PKI folder")
		.requiredOption("--eid <digits>", "32 digits; or 30, to which the check digits are added")
		.action((options: { dir: string; eid: string }) => addEuicc(options, effects));
	return program;
}

function init(options: InitOptions, effects: SimPkiEffects): void {
	const pki = makeTestPki({
		curve: parseCurve(options.curve),
		random: effects.random,
		now: effects.now(),
		eid: withCheckDigits(options.eid),
		...(options.ein === undefined ? {} : { eins: list(options.ein) }),
		eidConstraint: eidConstraint(options.eidConstraint),
		hosts: { dp: list(options.dpHost), ds: list(options.dsHost), eim: list(options.eimHost) },
	});
	savePki(options.dir, pki, { overwrite: options.force === true });
	effects.print(`${options.dir}: PKI on ${pki.curve} with the card ${pki.eid}`);
}

function addEuicc(options: { dir: string; eid: string }, effects: SimPkiEffects): void {
	const pki = loadPki(options.dir);
	const eid = withCheckDigits(options.eid);
	const eum = requireMember(pki, "eum");
	const euicc = issueEuiccCredential({ curve: pki.curve, random: effects.random, now: effects.now(), eum, eid });
	saveEuicc(options.dir, eid, euicc);
	effects.print(`${options.dir}: card ${eid}`);
}

function withCheckDigits(digits: string): string {
	return digits.length === 30 ? Eid.withCheckDigits(digits) : Eid(digits);
}

function eidConstraint(text: string): EidConstraint {
	if (text === "nameConstraints" || text === "permittedEins") return text;
	throw new SimPkiError("SIM_PKI_OPTION", `--eid-constraint is nameConstraints or permittedEins, not "${text}"`);
}

function list(text: string): string[] {
	return text
		.split(",")
		.map((part) => part.trim())
		.filter((part) => part !== "");
}
