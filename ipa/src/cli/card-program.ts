import { decodePem } from "@iot-esim/shared/pki/pem";
import { fromHex } from "@iot-esim/shared/util/bytes";
import type { Command } from "commander";
import type { MemoryResetOptions } from "../card/memory-reset.ts";
import type { IpaConfig } from "../config.ts";
import type { LocalAction } from "../procedures/local-actions.ts";
import { performOnCard } from "./card-changes.ts";
import {
	addInitialEim,
	loadCrl,
	printApdus,
	printCardInfo,
	printCertificates,
	printConnectivity,
	printDefaultSmdp,
	printEs10,
	printNotifications,
	printProfiles,
} from "./card-commands.ts";
import { type CardSession, withCard } from "./card-session.ts";
import { parseEimConfigurationFile } from "./eim-configuration-file.ts";
import { IpaCliError } from "./errors.ts";
import type { Output } from "./output.ts";
import type { CommonOptions, ProgramEffects } from "./program.ts";

const SHORTEST_APDU = 4;
const DER_SEQUENCE = 0x30;

/** What the commands of the card share with the others. */
export interface CardProgramParts {
	readonly withSettings: (command: Command) => Command;
	readonly configOf: (options: CommonOptions, effects: ProgramEffects) => IpaConfig;
	readonly outputOf: (options: CommonOptions, effects: ProgramEffects) => Output;
	readonly readGiven: (name: string, effects: ProgramEffects) => Uint8Array;
}

/** `ipa card ...`: commands that look, commands that change. */
export function addCard(program: Command, effects: ProgramEffects, parts: CardProgramParts): void {
	const card = program.command("card").description("look at the card, associate it, change it without an eIM");
	const look = async (options: CommonOptions, use: (session: CardSession, output: Output) => Promise<void>) => {
		const config = parts.configOf(options, effects);
		const output = parts.outputOf(options, effects);
		await withCard(config, { clock: effects.clock, logger: effects.logger("warn") }, (session) => use(session, output));
	};
	const change = (options: CommonOptions, action: LocalAction) =>
		performOnCard(parts.configOf(options, effects), effects, action, parts.outputOf(options, effects));
	addLooks(card, effects, parts, look);
	addSwitches(card, parts, change);
	addSettings(card, parts, look, change);
}

type Look = (options: CommonOptions, use: (session: CardSession, output: Output) => Promise<void>) => Promise<void>;
type Change = (options: CommonOptions, action: LocalAction) => Promise<void>;

function addLooks(card: Command, effects: ProgramEffects, parts: CardProgramParts, look: Look): void {
	const { withSettings, readGiven } = parts;
	withSettings(card.command("info"))
		.description("EID, versions, eIMs")
		.action((options: CommonOptions) => look(options, printCardInfo));
	withSettings(card.command("profiles"))
		.description("profiles on the card")
		.action((options: CommonOptions) => look(options, printProfiles));
	withSettings(card.command("notifications"))
		.description("notifications that wait for their receivers (ES10b.ListNotification)")
		.action((options: CommonOptions) => look(options, printNotifications));
	withSettings(card.command("certificates"))
		.description("certificates of the eUICC and its EUM (ES10b.GetCerts), as PEM")
		.option("--ci <hex>", "subject key identifier of the CI; the card chooses when absent")
		.action((options: CommonOptions & { ci?: string }) =>
			look(options, (session, output) => printCertificates(session, options.ci && fromHex(options.ci), output)),
		);
	withSettings(card.command("connectivity"))
		.description("connectivity parameters of the enabled profile (ES10b.GetConnectivityParameters)")
		.action((options: CommonOptions) => look(options, printConnectivity));
	withSettings(card.command("load-crl"))
		.description("load a list of revoked certificates into the card (ES10b.LoadCRL)")
		.argument("<file>", "the list as its CI gives it out: DER or PEM; - for standard input")
		.action((name: string, options: CommonOptions) => {
			const contents = readGiven(name, effects);
			const crl =
				contents[0] === DER_SEQUENCE ? contents : decodePem("X509 CRL", new TextDecoder().decode(contents))[0];
			if (crl === undefined) throw new IpaCliError("IPA_FILE_INVALID", `${name} holds no revocation list (DER or PEM)`);
			return look(options, (session, output) => loadCrl(session, crl, output));
		});
	withSettings(card.command("apdu"))
		.description("send command APDUs as they are, or ES10 commands with --es10")
		.argument("<hex...>", "octets in hex")
		.option("--es10", "send over STORE DATA to the ISD-R")
		.action((texts: string[], options: CommonOptions & { es10?: boolean }) => {
			const commands = texts.map(fromHex);
			if (!options.es10 && commands.some((command) => command.length < SHORTEST_APDU)) {
				const hint = "a command APDU has 4 octets at least; with --es10 an ES10 command is sent without one";
				throw new IpaCliError("IPA_ARGUMENT_INVALID", hint);
			}
			const send = options.es10 ? printEs10 : printApdus;
			return look(options, (session, output) => send(session, commands, output));
		});
	withSettings(card.command("add-eim"))
		.description("associate the card with its first eIM (ES10b.AddInitialEim)")
		.argument("<file>", "what the eIM hands out: DER, PEM, base64 or hex; - for standard input")
		.action((name: string, options: CommonOptions) => {
			const file = parseEimConfigurationFile(readGiven(name, effects), name);
			return look(options, (session, output) => addInitialEim(session, file, output));
		});
}

function addSwitches(card: Command, { withSettings }: CardProgramParts, change: Change): void {
	withSettings(card.command("fallback"))
		.description("go to the profile with the fallback attribute (ES10b.ExecuteFallbackMechanism)")
		.action((options: CommonOptions) => change(options, { type: "execute-fallback" }));
	withSettings(card.command("return"))
		.description("return from the fallback profile (ES10b.ReturnFromFallback)")
		.action((options: CommonOptions) => change(options, { type: "return-from-fallback" }));
	withSettings(card.command("emergency"))
		.description("enable or disable the emergency profile (ES10b.EnableEmergencyProfile)")
		.argument("<on|off>", "on for an emergency call, off after it")
		.action((text: string, options: CommonOptions) =>
			change(options, { type: onOff(text) ? "enable-emergency-profile" : "disable-emergency-profile" }),
		);
	withSettings(card.command("activate-ipae"))
		.description("let the card's own IPA take over (ES10b.IpaeActivation)")
		.action((options: CommonOptions) => change(options, { type: "activate-ipae" }));
}

interface ResetFlags extends CommonOptions {
	readonly operational?: boolean;
	readonly fieldTest?: boolean;
	readonly preloadedTest?: boolean;
	readonly provisioning?: boolean;
	readonly defaultSmdp?: boolean;
	readonly eims?: boolean;
	readonly immediateEnable?: boolean;
	readonly yes?: boolean;
}

function addSettings(card: Command, { withSettings }: CardProgramParts, look: Look, change: Change): void {
	withSettings(card.command("default-smdp"))
		.description("show or set the default SM-DP+ (ES10b.SetDefaultDpAddress)")
		.argument("[address]", "FQDN of the SM-DP+")
		.option("--clear", "take the address away")
		.action((address: string | undefined, options: CommonOptions & { clear?: boolean }) => {
			if (address === undefined && options.clear !== true) return look(options, printDefaultSmdp);
			return change(options, { type: "set-default-smdp", address: address ?? "" });
		});
	withSettings(card.command("immediate-enable"))
		.description("whether a profile may be enabled in the session that installs it; only without an eIM")
		.argument("<on|off>", "")
		.option("--smdp-oid <oid>", "only profiles of this SM-DP+")
		.option("--smdp-address <fqdn>", "only profiles from this SM-DP+")
		.action((text: string, options: CommonOptions & { smdpOid?: string; smdpAddress?: string }) => {
			const { smdpOid, smdpAddress } = options;
			const configuration = {
				...(onOff(text) ? { immediateEnableFlag: null } : {}),
				...(smdpOid === undefined ? {} : { defaultSmdpOid: smdpOid }),
				...(smdpAddress === undefined ? {} : { defaultSmdpAddress: smdpAddress }),
			};
			return change(options, { type: "configure-immediate-enable", configuration });
		});
	withSettings(card.command("reset"))
		.description("delete from the card what the options name (ES10b.eUICCMemoryReset); needs --yes")
		.option("--operational", "operational profiles, the enabled one too")
		.option("--field-test", "test profiles that were downloaded")
		.option("--preloaded-test", "test profiles that came with the card")
		.option("--provisioning", "provisioning profiles")
		.option("--default-smdp", "the default SM-DP+ address")
		.option("--eims", "all eIMs: the card can be associated anew")
		.option("--immediate-enable", "the configuration of immediate enabling")
		.option("--yes", "do it")
		.action((flags: ResetFlags) => change(flags, { type: "reset-memory", options: resetOptions(flags) }));
}

/** @throws IpaCliError IPA_CONFIRMATION_MISSING */
function resetOptions(flags: ResetFlags): MemoryResetOptions {
	const options: Record<keyof MemoryResetOptions, boolean> = {
		operationalProfiles: flags.operational === true,
		fieldLoadedTestProfiles: flags.fieldTest === true,
		preLoadedTestProfiles: flags.preloadedTest === true,
		provisioningProfiles: flags.provisioning === true,
		defaultSmdpAddress: flags.defaultSmdp === true,
		eimConfiguration: flags.eims === true,
		immediateEnableConfiguration: flags.immediateEnable === true,
	};
	const named = Object.entries(options).filter(([, isNamed]) => isNamed);
	const what = named.map(([name]) => name).join(", ");
	if (named.length === 0) {
		throw new IpaCliError("IPA_CONFIRMATION_MISSING", "say what to reset, as --operational; see ipa card reset --help");
	}
	if (flags.yes !== true) {
		throw new IpaCliError("IPA_CONFIRMATION_MISSING", `this deletes from the card: ${what}; add --yes to do it`);
	}
	return options;
}

/** @throws IpaCliError IPA_ARGUMENT_INVALID */
function onOff(text: string): boolean {
	if (text === "on" || text === "off") return text === "on";
	throw new IpaCliError("IPA_ARGUMENT_INVALID", `"${text}" is neither on nor off`);
}
