import { type Command, Option } from "commander";
import { CliError } from "../errors.ts";
import { wholeNumber } from "./device.ts";

/** Options of `operation create download`. */
export function withDownloadOptions(command: Command): Command {
	return command
		.option("--activation-code <code>", "LPA:1$address$matchingId")
		.option("--smdp <address>", "SM-DP+ address, instead of an activation code")
		.option("--matching-id <id>", "matching id at the SM-DP+")
		.option("--default-smdp", "from the SM-DP+ that the card has as its default")
		.option("--smds [address]", "from whichever SM-DP+ an SM-DS names (the card's root SM-DS without an address)")
		.addOption(
			new Option("--mode <mode>", "who speaks to the SM-DP+ (else as the IPA does it)").choices(["direct", "indirect"]),
		)
		.option("--confirmation-code <code>", "where the order at the SM-DP+ asks for one")
		.option("--expect-iccid <iccid>", "refuse a profile with another ICCID")
		.addOption(
			new Option("--expect-class <class>", "refuse a profile of another class").choices([
				"operational",
				"provisioning",
				"test",
			]),
		)
		.option("--expect-owner <mccmnc>", "refuse a profile of another owner, by MCC and MNC");
}

/** The order that the options stand for. */
export function downloadBody(options: Readonly<Record<string, string | boolean | undefined>>): object {
	const { activationCode, smdp, matchingId, defaultSmdp, smds, mode, confirmationCode } = options;
	if ([activationCode, smdp, defaultSmdp, smds].every((source) => source === undefined)) {
		throw new CliError(
			"CLI_USAGE",
			"say where the profile comes from: --activation-code, --smdp with --matching-id, --default-smdp or --smds",
		);
	}
	const expected = { iccid: options.expectIccid, profileClass: options.expectClass, owner: options.expectOwner };
	return {
		type: "download",
		activationCode,
		smdpAddress: smdp,
		matchingId,
		contactDefaultSmdp: defaultSmdp,
		contactSmds: smds === undefined ? undefined : smds === true ? {} : { smdsAddress: smds },
		mode,
		confirmationCode,
		expected: Object.values(expected).some((value) => value !== undefined) ? expected : undefined,
	};
}

/** Options of `operation create read-euicc-data`. */
export function withEuiccDataOptions(command: Command): Command {
	return command
		.option("--tags <hex...>", "only these members of IpaEuiccData, as A5 BF22 (else what every IPA knows)")
		.option("--ci <hex>", "certificates under the CI with this key identifier")
		.option("--notifications <which>", "notifications on the card: a number, or install, enable, disable, delete")
		.option("--package-result <number>", "the package result on the card with this number", wholeNumber);
}

/** The question that the options stand for. */
export function euiccDataBody(options: {
	readonly tags?: readonly string[];
	readonly ci?: string;
	readonly notifications?: string;
	readonly packageResult?: number;
}): object {
	const { tags, ci, notifications, packageResult } = options;
	return {
		type: "readEuiccData",
		tags,
		ciPublicKeyId: ci,
		notifications: notifications === undefined ? undefined : notificationCriteria(notifications),
		packageResults: packageResult === undefined ? undefined : { seqNumber: packageResult },
	};
}

function notificationCriteria(which: string): object {
	if (/^\d+$/.test(which)) return { seqNumber: Number(which) };
	if (/^(install|enable|disable|delete)$/.test(which)) return { event: which };
	throw new CliError(
		"CLI_USAGE",
		`--notifications: "${which}" is no number and none of install, enable, disable, delete`,
	);
}
