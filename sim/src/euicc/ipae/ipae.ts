import {
	type CardDriver,
	createIpa,
	type Es9PlusClient,
	httpAsn1Link,
	httpJsonLink,
	type IpaSettings,
	openEs9PlusClient,
	openJournal,
} from "@iot-esim/ipa/index";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { type Connect, createHttpClient, type TlsTrust } from "@iot-esim/shared/transport/http/client";
import { toHex } from "@iot-esim/shared/util/bytes";
import { type Duration, Seconds } from "@iot-esim/shared/util/duration";
import type { InCardApplication, InCardInterface, RunningApplication } from "../in-card-application.ts";
import { BipStream } from "./bip-stream.ts";
import { BipTerminal } from "./bip-terminal.ts";
import { CardClock } from "./card-clock.ts";
import { IpaeError } from "./errors.ts";
import { cardJournal } from "./journal-file.ts";
import { ipv4, resolveName } from "./name-query.ts";
import { WakeUp } from "./wake-up.ts";

export interface IpaeOptions {
	readonly settings: IpaSettings;
	/** IPv4 address of the name server that the card asks over the terminal. */
	readonly dnsServer: string;
	/** Form of the messages of ESipa to an eIM; ASN.1 when absent. */
	readonly bindingOf?: (eimId: string) => "asn1" | "json";
	/** How time passes in the card; it does nothing by this clock alone. */
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	/** Longest time for one exchange with an eIM; 2 min when absent: BIP is slow. */
	readonly timeout?: Duration;
	/** Time between two STATUS commands that the card asks a terminal without timers for; 10 s when absent, 255 s at most. */
	readonly statusInterval?: Duration;
}

/** Octet and bits of TERMINAL PROFILE (ETSI TS 102 223 section 5.2) without which there is no way out of the card. */
const NEEDED: readonly (readonly [octet: number, bits: number])[] = [
	[5, 0x01], // SET UP EVENT LIST
	[6, 0x0c], // data available, channel status
	[12, 0x0f], // OPEN CHANNEL, CLOSE CHANNEL, RECEIVE DATA, SEND DATA
	[17, 0x03], // TCP and UDP, UICC in client mode
];

/** Rounds of the event loop that one command of the terminal leaves to the application. */
const TURNS = 80;

/**
 * The IPA inside the card (IPAe, SGP.32): the agent of the device with the card's own APDUs as its driver, and with
 * channels of the bearer independent protocol as its link. A reset ends it like a loss of power; its journal goes on.
 */
export function createIpae(options: IpaeOptions): InCardApplication {
	return { start: (card) => new RunningIpae(card, options) };
}

class RunningIpae implements RunningApplication {
	readonly #card: InCardInterface;
	readonly #options: IpaeOptions;
	readonly #log: Logger;
	readonly #clock: CardClock;
	readonly #terminal: BipTerminal;
	readonly #wakeUp: WakeUp;
	readonly #life = new AbortController();

	constructor(card: InCardInterface, options: IpaeOptions) {
		this.#card = card;
		this.#options = options;
		this.#log = options.logger("sim.euicc.ipae");
		this.#clock = new CardClock(options.clock);
		this.#terminal = new BipTerminal(card);
		const { statusInterval = Seconds(10) } = options;
		const pollSeconds = Math.min(255, Math.max(1, Math.round(statusInterval / 1000)));
		this.#wakeUp = new WakeUp(this.#terminal, this.#clock, { terminalProfile: card.terminalProfile, pollSeconds });
		this.#live().catch((error) => {
			if (!this.#life.signal.aborted) this.#log.error("IPAe has ended", { error });
		});
	}

	envelope(data: Uint8Array): void {
		try {
			this.#wakeUp.envelope(data);
			this.#terminal.envelope(data);
		} catch (error) {
			if (!(error instanceof IpaeError)) throw error;
			this.#log.warn("envelope not understood", { error });
		}
	}

	async settle(): Promise<void> {
		this.#clock.tick();
		for (let turn = 0; turn < TURNS && !this.#card.isCommandWaiting && !this.#life.signal.aborted; turn++) {
			await new Promise((resolve) => setImmediate(resolve));
		}
		if (!this.#card.isCommandWaiting && !this.#life.signal.aborted) this.#wakeUp.arm();
	}

	stop(): void {
		this.#life.abort(new Error("the card was reset"));
		this.#clock.stop();
	}

	async #live(): Promise<void> {
		const { settings, random, logger } = this.#options;
		const { terminalProfile } = this.#card;
		const missing = NEEDED.filter(([octet, bits]) => ((terminalProfile[octet - 1] ?? 0) & bits) !== bits);
		if (missing.length > 0) {
			const octets = missing.map(([octet]) => octet).join(", ");
			throw new IpaeError("IPAE_TERMINAL_INCAPABLE", `TERMINAL PROFILE lacks what is needed in its octets ${octets}`);
		}
		await this.#terminal.wantEvents();
		await this.#wakeUp.begin();
		const journal = await openJournal(cardJournal(this.#card));
		const rsp = this.#rspClient();
		const ipa = createIpa({
			driver: this.#driver(),
			link: (target) =>
				(this.#options.bindingOf?.(target.eimId) === "json" ? httpJsonLink : httpAsn1Link)(target, {
					clock: this.#clock,
					timeout: this.#timeout,
					makeClient: (tls) => this.#httpClient(tls),
				}),
			rsp,
			journal,
			clock: this.#clock,
			random,
			logger,
			settings: { ...settings, card: { ...settings.card, proactive: "modem" } },
		});
		ipa.events.onAny((event) => this.#log.info(event.type, { ...event, type: undefined }));
		try {
			await ipa.run(this.#life.signal);
		} finally {
			rsp.close();
		}
	}

	get #timeout(): Duration {
		return this.#options.timeout ?? Seconds(120);
	}

	/** The card's own ISD-R; resets are the terminal's business. */
	#driver(): CardDriver {
		const expectLife = () => this.#life.signal.throwIfAborted();
		return {
			name: "in-card",
			open: async () => expectLife(),
			reset: async () => new Uint8Array(0),
			transmit: async (apdu) => {
				expectLife();
				return this.#card.transmit(apdu);
			},
			close: async () => undefined,
		};
	}

	#httpClient(tls: TlsTrust) {
		return createHttpClient({ tls, connect: this.#connect, clock: this.#clock, timeout: this.#timeout });
	}

	/** ES9+ and ES11 for direct downloads, under the CIs that the card trusts anyway. */
	#rspClient(): Es9PlusClient {
		const { random, settings } = this.#options;
		return openEs9PlusClient({
			ciCertificates: this.#card.ciCertificates.map(certificateToPem),
			connect: this.#connect,
			clock: this.#clock,
			timeout: this.#timeout,
			encoding: "json",
			requester: toHex(settings.procedures.deviceInfo.tac),
			random,
		});
	}

	readonly #connect: Connect = async ({ host, port }, signal) => {
		const { dnsServer, random } = this.#options;
		const server = ipv4(dnsServer);
		if (server === undefined)
			throw new IpaeError("IPAE_NAME_UNKNOWN", `the name server ${dnsServer} is no IPv4 address`);
		const address = await resolveName(host, { terminal: this.#terminal, server, random, signal });
		return BipStream.open(this.#terminal, address, port);
	};
}
