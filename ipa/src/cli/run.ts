import { readFileSync } from "node:fs";
import path from "node:path";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { createIpa } from "../agent.ts";
import { type IpaConfig, settingsOf } from "../config.ts";
import { httpAsn1Link } from "../esipa/http-asn1.ts";
import { httpJsonLink } from "../esipa/http-json.ts";
import type { IpaEvent } from "../procedures/ipa-event.ts";
import { openJournal } from "../state/journal.ts";
import { fileJournalStorage } from "../state/journal-storage.ts";
import { driverOf } from "./card-session.ts";
import { IpaCliError } from "./errors.ts";
import { lockState, type ProcessTable } from "./state-lock.ts";
import { statusWriter } from "./status-file.ts";

export interface RunEffects {
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly processes: ProcessTable;
	readonly onEvent: (event: IpaEvent) => void;
	/** Ends the agent in an orderly way. */
	readonly signal: AbortSignal;
}

/** `ipa run`: the agent of one device, until the signal. */
export async function runAgent(config: IpaConfig, effects: RunEffects): Promise<void> {
	const { clock, random, logger, processes } = effects;
	const folder = config["state.folder"];
	const { driver, proactive } = driverOf(config, clock);
	const fallbackCa = certificatesIn(config["eim.caFile"]);
	const unlock = lockState(folder, processes);
	try {
		const journal = await openJournal(fileJournalStorage(journalPath(folder)));
		const log = logger("ipa.main");
		const proxy = config.proxy;
		const ipa = createIpa({
			driver,
			clock,
			random,
			journal,
			logger,
			settings: settingsOf(config, proactive),
			link: (target) => {
				const binding = config["eim.bindings"][target.eimId] ?? config["eim.binding"];
				return (binding === "json" ? httpJsonLink : httpAsn1Link)(target, {
					clock,
					timeout: config["eim.timeout"],
					hosts: config.hosts,
					fallbackCa,
					adminProtocol: config["eim.adminProtocol"],
					...(proxy === undefined ? {} : { proxy }),
				});
			},
		});
		ipa.events.onAny(
			statusWriter(folder, processes.ownPid, clock, (error) => log.warn("status not written", { error })),
		);
		ipa.events.onAny(effects.onEvent);
		await ipa.run(effects.signal);
	} finally {
		unlock();
	}
}

/** Where the journal of a state folder is. */
export function journalPath(folder: string): string {
	return path.join(folder, "journal.log");
}

function certificatesIn(file: string | undefined): readonly string[] {
	if (file === undefined) return [];
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (cause) {
		throw new IpaCliError("IPA_FILE_INVALID", `eim.caFile ${file} cannot be read`, { cause });
	}
	const certificates = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
	if (certificates.length === 0) throw new IpaCliError("IPA_FILE_INVALID", `eim.caFile ${file} holds no certificate`);
	return certificates;
}
