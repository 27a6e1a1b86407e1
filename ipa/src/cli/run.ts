import path from "node:path";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { labKeyLogOf } from "@iot-esim/shared/transport/coap/lab-key-log";
import { createIpa } from "../agent.ts";
import { type IpaConfig, settingsOf } from "../config.ts";
import type { Es9PlusClient } from "../es9plus/es9plus-client.ts";
import { openEs9PlusClient } from "../es9plus/open-client.ts";
import type { IpaEvent } from "../procedures/ipa-event.ts";
import { openJournal } from "../state/journal.ts";
import { fileJournalStorage } from "../state/journal-storage.ts";
import { driverOf } from "./card-session.ts";
import { chosenLinks, linkChanged } from "./chosen-links.ts";
import { openCoapInjectListener } from "./coap-inject-listener.ts";
import { deviceNetwork, type NetworkInterfaces } from "./device-network.ts";
import { openInjectListener } from "./inject-listener.ts";
import { lockState, type ProcessTable } from "./state-lock.ts";
import { statusWriter } from "./status-file.ts";
import { trustedCertificates } from "./trusted-certificates.ts";
import { openWakeSocket } from "./wake-socket.ts";

export interface RunEffects {
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly processes: ProcessTable;
	/** Interfaces of the device; without them it never notices a change of its network. */
	readonly interfaces?: (() => NetworkInterfaces) | undefined;
	readonly onEvent: (event: IpaEvent) => void;
	/** Ends the agent in an orderly way. */
	readonly signal: AbortSignal;
}

/** `ipa run`: the agent of one device, until the signal. */
export async function runAgent(config: IpaConfig, effects: RunEffects): Promise<void> {
	const { clock, random, logger, processes } = effects;
	const folder = config["state.folder"];
	const { driver, proactive } = driverOf(config, clock);
	const fallbackCa = trustedCertificates("eim.caFile", config["eim.caFile"]);
	const labKeyLog = labKeyLogOf(config, logger("ipa.coap"));
	const rsp = rspOf(config, effects);
	const unlock = lockState(folder, processes);
	try {
		const journal = await openJournal(fileJournalStorage(journalPath(folder)));
		const log = logger("ipa.main");
		const network = deviceNetwork({
			interfaces: effects.interfaces ?? (() => ({})),
			clock,
			watchInterval: config["link.watchInterval"],
			isAlwaysMetered: config["link.metered"],
			meteredInterfaces: config["link.meteredInterfaces"],
		});
		const isMetered = () => network.isMetered();
		const links = chosenLinks(config, { clock, random, logger, fallbackCa, labKeyLog, isMetered });
		const ipa = createIpa({
			driver,
			clock,
			random,
			journal,
			logger,
			rsp,
			network,
			settings: settingsOf(config, proactive, links.transports),
			link: (target, eid) =>
				links.make(target, eid, {
					transfer: (message) => ipa.transferEimPackage(message, ({ eimId }) => eimId === target.eimId),
					pollSoon: () => ipa.pollSoon(),
					chosen: (choice) => ipa.events.emit(linkChanged(target.eimId, choice)),
				}),
		});
		ipa.events.onAny(
			statusWriter(folder, processes.ownPid, clock, (error) => log.warn("status not written", { error })),
		);
		ipa.events.onAny(effects.onEvent);
		const inject = await openInjectListener(config, ipa, { clock, log, fallbackCa });
		const coapInject = await openCoapInjectListener(config, ipa, { clock, random, log, fallbackCa, labKeyLog });
		const { "wake.socket": file, "wake.interval": interval } = config;
		const wake = file === undefined ? undefined : await openWakeSocket(file, ipa, { clock, log, interval });
		try {
			await ipa.run(effects.signal);
		} finally {
			await wake?.close();
			await coapInject?.close();
			await inject?.close();
		}
	} finally {
		rsp?.close();
		unlock();
	}
}

/** The device's own way to SM-DP+ and SM-DS; none without a CI to trust. */
function rspOf(config: IpaConfig, { clock, random }: RunEffects): Es9PlusClient | undefined {
	const ciCertificates = trustedCertificates("rsp.ciCertificates", config["rsp.ciCertificates"]);
	if (ciCertificates.length === 0) return undefined;
	return openEs9PlusClient({
		ciCertificates,
		clock,
		random,
		timeout: config["rsp.timeout"],
		encoding: config["rsp.encoding"] === "asn1" ? "asn1" : "json",
		requester: config["device.tac"],
		hosts: config.hosts,
		...(config.proxy === undefined ? {} : { proxy: config.proxy }),
	});
}

/** Where the journal of a state folder is. */
export function journalPath(folder: string): string {
	return path.join(folder, "journal.log");
}
