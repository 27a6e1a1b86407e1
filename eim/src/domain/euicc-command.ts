import type { Iccid } from "@iot-esim/shared/ids/iccid";
import type { Sgp32Version } from "./dialect.ts";
import { DomainError } from "./errors.ts";
import type { ProfileClass } from "./profile.ts";

/** Which profiles a list is of; all of them without one. */
export type ProfileSearch =
	| { readonly iccid: Iccid }
	/** Hex. */
	| { readonly isdpAid: string }
	| { readonly profileClass: ProfileClass };

/** One command of an eUICC package, as it is ordered (SGP.32 Psmo and Eco). */
export type EuiccCommand =
	| { readonly type: "enable"; readonly parameters: { readonly iccid: Iccid; readonly rollback: boolean } }
	| { readonly type: "disable"; readonly parameters: { readonly iccid: Iccid } }
	| { readonly type: "delete"; readonly parameters: { readonly iccid: Iccid } }
	| {
			readonly type: "listProfiles";
			/** Tags of ProfileInfo in hex; absent means the eIM's own list. */
			readonly parameters: { readonly search?: ProfileSearch; readonly tags?: readonly string[] };
	  }
	| { readonly type: "getRat"; readonly parameters: Readonly<Record<string, never>> }
	| { readonly type: "configureImmediateEnable"; readonly parameters: ImmediateEnable }
	| { readonly type: "setFallbackAttribute"; readonly parameters: { readonly iccid: Iccid } }
	| { readonly type: "unsetFallbackAttribute"; readonly parameters: Readonly<Record<string, never>> }
	| {
			readonly type: "setDefaultDpAddress";
			/** FQDN with an optional `:port`; empty takes the address away. */
			readonly parameters: { readonly smdpAddress: string };
	  }
	| { readonly type: "addEim"; readonly parameters: EimToldToCard }
	| { readonly type: "deleteEim"; readonly parameters: { readonly eimId: string } }
	/** Without a configuration: what this eIM is now (signing key, TLS trust, address). */
	| { readonly type: "updateEim"; readonly parameters: Partial<EimToldToCard> }
	| { readonly type: "listEims"; readonly parameters: Readonly<Record<string, never>> };

/** Whether a profile may be enabled right after its download, and by which SM-DP+. */
export interface ImmediateEnable {
	readonly isAllowed: boolean;
	/** Only profiles of the SM-DP+ with this OID. */
	readonly smdpOid?: string;
	/** Only profiles of the SM-DP+ at this address. */
	readonly smdpAddress?: string;
}

/** What a card is told of an eIM. */
export interface EimToldToCard {
	readonly eimId: string;
	/** EimConfigurationData, the whole TLV in hex. */
	readonly configuration: string;
}

export type EuiccCommandType = EuiccCommand["type"];

/** Commands on profiles and commands on eIMs never share a package (SGP.32 EuiccPackage). */
export type CommandList = "psmo" | "eco";

const LIST_OF: Readonly<Record<EuiccCommandType, CommandList>> = {
	enable: "psmo",
	disable: "psmo",
	delete: "psmo",
	listProfiles: "psmo",
	getRat: "psmo",
	configureImmediateEnable: "psmo",
	setFallbackAttribute: "psmo",
	unsetFallbackAttribute: "psmo",
	setDefaultDpAddress: "psmo",
	addEim: "eco",
	deleteEim: "eco",
	updateEim: "eco",
	listEims: "eco",
};

/** What came to the standard with version 1.1. */
const SINCE_1_1: ReadonlySet<EuiccCommandType> = new Set([
	"setFallbackAttribute",
	"unsetFallbackAttribute",
	"setDefaultDpAddress",
]);

/** The first of these commands that an eUICC of this version does not know. */
export function unknownToCard(commands: readonly EuiccCommand[], version: Sgp32Version): EuiccCommandType | undefined {
	return version === "1.0" ? commands.find(({ type }) => SINCE_1_1.has(type))?.type : undefined;
}

export const EUICC_COMMAND_TYPES = Object.keys(LIST_OF) as readonly EuiccCommandType[];

export function isEuiccCommand(order: { readonly type: string }): order is EuiccCommand {
	return order.type in LIST_OF;
}

export function listOf(command: Pick<EuiccCommand, "type">): CommandList {
	return LIST_OF[command.type];
}

/** More commands than this are no package that a card could be expected to have room for. */
export const MOST_COMMANDS = 32;

/**
 * Whether these commands may stand in one package, in this order (SGP.32 section 2.11.1.1).
 * @param ownEimId the eIM that signs the package
 * @returns DomainError PACKAGE_RULE_BROKEN naming the command and the rule
 */
export function checkPackage(commands: readonly EuiccCommand[], ownEimId: string): DomainError | undefined {
	if (commands.length === 0) return broken("a package has at least one command");
	if (commands.length > MOST_COMMANDS) return broken(`a package has at most ${MOST_COMMANDS} commands`);
	const seen = new Set<EuiccCommandType>();
	for (const [index, command] of commands.entries()) {
		const rule = brokenRule(commands, index, seen, ownEimId);
		if (rule !== undefined) return broken(`commands[${index}] (${command.type}): ${rule}`);
		seen.add(command.type);
	}
	return undefined;
}

/** Whether a package ends the association of this eIM with the card: it is the last that the device asks this eIM for. */
export function isFarewell(commands: readonly EuiccCommand[], ownEimId: string): boolean {
	return commands.some((command) => command.type === "deleteEim" && command.parameters.eimId === ownEimId);
}

function brokenRule(
	commands: readonly EuiccCommand[],
	index: number,
	before: ReadonlySet<EuiccCommandType>,
	ownEimId: string,
): string | undefined {
	const [first] = commands;
	const command = commands[index];
	if (!command || !first) return undefined;
	if (listOf(command) !== listOf(first)) {
		return `commands on profiles and commands on eIMs need a package each; this one began with ${first.type}`;
	}
	if ((command.type === "enable" || command.type === "disable") && before.has(command.type)) {
		return `a package has at most one ${command.type}`;
	}
	const changed = (["enable", "disable", "delete"] as const).find((type) => before.has(type));
	if (command.type === "listProfiles" && changed) {
		return `a list cannot follow ${changed}, since the change takes effect after the package; put it first`;
	}
	if (isFarewell([command], ownEimId) && index < commands.length - 1) {
		return `${ownEimId} is this eIM; a card that has removed it takes nothing more from it, so this comes last`;
	}
	return undefined;
}

function broken(message: string): DomainError {
	return new DomainError("PACKAGE_RULE_BROKEN", message);
}
