import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCurve } from "@iot-esim/shared/crypto/curve";
import { SGP32_VERSIONS, type Sgp32Version } from "@iot-esim/shared/messages/sgp32/dialect/version";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import { parseHostPort } from "@iot-esim/shared/transport/tcp";
import { Command, Option } from "commander";
import { loadPki, requireEuicc } from "../pki/pki-directory.ts";
import { reportOf } from "./card-report.ts";
import { createCard, type PkiOfCard, personalisationOf } from "./create-card.ts";
import { EuiccError } from "./errors.ts";
import { FaultyDisk, parsePowerCut } from "./faults.ts";
import { profileFileSystems } from "./file-system/profile-file-systems.ts";
import { configuredIpae } from "./ipae/configured-ipae.ts";
import { FileDisk, MemoryDisk } from "./nvm/disk.ts";
import { lockMemory } from "./nvm/lock.ts";
import { Nvm } from "./nvm/nvm.ts";
import type { Personalisation, Quirks } from "./personalisation.ts";
import { SettingsStore } from "./state/settings.ts";
import { runCard } from "./vpcd.ts";

/** What the program needs from outside. */
export interface SimEuiccEffects {
	readonly clock: Clock;
	readonly print: (line: string) => void;
	/** Where the IPAe writes its log. */
	readonly logger: LoggerFactory;
	/** Resolves when the program shall end. */
	readonly untilStopped: () => Promise<void>;
	/** Ends the process at once, as kill -9 does. */
	readonly crash: () => void;
}

interface InitOptions {
	readonly dir: string;
	readonly pki: string[];
	readonly eid?: string;
	readonly curve?: string;
	readonly mode: Personalisation["mode"];
	readonly iotVersion: Sgp32Version;
	readonly bootstrap?: string;
	readonly bootstrapState: "enabled" | "disabled";
	readonly bootstrapName?: string;
	readonly smds?: string;
	readonly defaultSmdp?: string;
	readonly memory?: string;
	readonly quirk?: (keyof typeof QUIRKS)[];
	readonly ipae?: "inactive" | "active";
}

/** The name server of the simulated network. */
const DEFAULT_DNS = "198.18.0.1";

/** Quirks by the words of the command line. */
const QUIRKS = {
	"needs-terminal-capability": "needsTerminalCapability",
	"refuses-es10-until-reset": "refusesEs10UntilReset",
	"hides-iot-info": "hidesIotInfo",
	"signals-no-refresh": "signalsNoRefresh",
} as const satisfies Record<string, keyof Quirks>;

/** `sim-euicc init`, `run` and `show`. */
export function simEuiccProgram(effects: SimEuiccEffects): Command {
	const program = new Command("sim-euicc").description("a simulated eUICC with its own memory");
	program
		.command("init")
		.description("make a card in an empty directory")
		.requiredOption("--dir <folder>", "memory of the card")
		.requiredOption("--pki <folder...>", "PKI folder (sim-pki or SGP.26 names); one for each curve")
		.option("--eid <digits>", "the card of the PKI folder to take, where it holds several")
		.option("--curve <curve>", "P-256 or brainpool, where the folder holds both")
		.addOption(new Option("--mode <mode>", "which standard").choices(["iot", "consumer"]).default("iot"))
		.addOption(new Option("--iot-version <version>", "version of SGP.32").choices(SGP32_VERSIONS).default("1.2"))
		.option("--bootstrap <file>", "profile package (UPP, DER) that the card leaves the factory with")
		.addOption(new Option("--bootstrap-state <state>").choices(["enabled", "disabled"]).default("enabled"))
		.option("--bootstrap-name <name>", "its name in lists")
		.option("--smds <fqdn>", "root SM-DS address")
		.option("--default-smdp <fqdn>", "default SM-DP+ address")
		.option("--memory <octets>", "room for profiles")
		.addOption(
			new Option("--ipae <state>", "an IPA is inside of the card (IPAe)").choices(["inactive", "active"] as const),
		)
		.addOption(new Option("--quirk <name...>", "answer as some real cards do").choices(Object.keys(QUIRKS)))
		.action((options: InitOptions) => init(options, effects));
	program
		.command("run")
		.description("connect the card to a reader (vpcd, or the modem) and serve it until stopped")
		.requiredOption("--dir <folder>", "memory of the card")
		.requiredOption("--connect <host:port>", "the reader side; vpcd listens on 35963")
		.option(
			"--cut-power <write[:octets]>",
			"end as by kill -9 at this write of the memory, after so many of its octets",
		)
		.option("--ipa-config <file>", "settings of the IPA inside of the card (YAML, as of ipa)")
		.option("--dns <address>", "name server that the IPA inside of the card asks over the modem", DEFAULT_DNS)
		.action((options: RunOptions) => run(options, effects));
	program
		.command("show")
		.description("what the card holds, as JSON; also while it runs")
		.requiredOption("--dir <folder>", "memory of the card")
		.action(({ dir }: { dir: string }) => effects.print(JSON.stringify(reportOf(readMemory(dir)), undefined, 2)));
	return program;
}

function init(options: InitOptions, effects: SimEuiccEffects): void {
	if (existsSync(join(options.dir, "nvm.bin"))) {
		throw new EuiccError("EUICC_PERSONALISATION_INVALID", `${options.dir} holds a card already`);
	}
	const card = personalisationOf(
		options.pki.map((folder) => pkiOfCard(folder, options)),
		{
			mode: options.mode,
			iotVersion: options.iotVersion,
			...(options.smds === undefined ? {} : { rootSmdsAddress: options.smds }),
			...(options.defaultSmdp === undefined ? {} : { defaultSmdpAddress: options.defaultSmdp }),
			...(options.ipae === undefined ? {} : { supportsIpae: true }),
			...(options.memory === undefined ? {} : { profileMemory: positive(options.memory) }),
			quirks: Object.fromEntries((options.quirk ?? []).map((name) => [QUIRKS[name], true])),
		},
	);
	const bootstrap = options.bootstrap && {
		unprotectedProfilePackage: new Uint8Array(readFileSync(options.bootstrap)),
		isEnabled: options.bootstrapState === "enabled",
		...(options.bootstrapName === undefined ? {} : { profileName: options.bootstrapName }),
	};
	// The card is made in memory first: a directory holds a whole card or none.
	const made = new MemoryDisk();
	const nvm = new Nvm(made);
	createCard(nvm, card, profileFileSystems(), bootstrap ? [bootstrap] : []);
	if (options.ipae === "active") {
		new SettingsStore(nvm).set("ipaeActive", true);
		nvm.commit();
	}
	const disk = new FileDisk(options.dir);
	disk.replace(made.read() as Uint8Array);
	effects.print(`${options.dir}: card ${card.eid} (${card.mode})${bootstrap ? " with a bootstrap profile" : ""}`);
}

function pkiOfCard(folder: string, { eid, curve }: InitOptions): PkiOfCard {
	const pki = loadPki(folder, curve === undefined ? {} : { curve: parseCurve(curve) });
	const { ci, eum } = pki.members;
	if (ci === undefined || eum === undefined) {
		throw new EuiccError("EUICC_PERSONALISATION_INVALID", `${folder} needs the certificates of a CI and an EUM`);
	}
	return { ci, eum, euicc: requireEuicc(pki, eid) };
}

interface RunOptions {
	readonly dir: string;
	readonly connect: string;
	readonly cutPower?: string;
	readonly ipaConfig?: string;
	readonly dns: string;
}

async function run({ dir, connect, cutPower, ipaConfig, dns }: RunOptions, effects: SimEuiccEffects): Promise<void> {
	const cut = cutPower === undefined ? undefined : parsePowerCut(cutPower);
	const address = parseHostPort(connect, "--connect");
	if (!existsSync(join(dir, "nvm.bin"))) throw new EuiccError("EUICC_MEMORY_MISSING", `${dir} holds no card`);
	const unlock = lockMemory(dir);
	const disk = new FaultyDisk(new FileDisk(dir), () => {
		effects.print(`power cut at write ${cut?.write} after ${cut?.octets} octets`);
		effects.crash();
	});
	const nvm = new Nvm(disk);
	if (cut !== undefined) disk.cutPower(cut);
	try {
		const { clock, print: log, logger } = effects;
		const ipae = configuredIpae({ file: ipaConfig, dnsServer: dns, clock, logger });
		const card = runCard({ nvm, fileSystems: profileFileSystems(), address, clock, log, ipae });
		await effects.untilStopped();
		await card.stop();
	} finally {
		nvm.close();
		unlock();
	}
}

/** The memory as it is on disk, read once; nothing is written, so a running card is not disturbed. */
function readMemory(directory: string): Nvm {
	const path = join(directory, "nvm.bin");
	if (!existsSync(path)) throw new EuiccError("EUICC_MEMORY_MISSING", `${directory} holds no card`);
	return new Nvm(new MemoryDisk(new Uint8Array(readFileSync(path))));
}

function positive(text: string): number {
	const value = Number(text);
	if (Number.isInteger(value) && value > 0) return value;
	throw new EuiccError("EUICC_PERSONALISATION_INVALID", `--memory is a number of octets, not "${text}"`);
}
