import { concatBytes } from "@iot-esim/shared/util/bytes";
import { Status, statusOctets } from "./apdu/status.ts";
import { EuiccError } from "./errors.ts";
import type { Euicc } from "./euicc.ts";
import type { InCardApplication, InCardInterface, RunningApplication } from "./in-card-application.ts";
import { PowerCycle, type ToolkitListener } from "./power-cycle.ts";
import { isIpaeActive } from "./state/ipae-switch.ts";

const FILES = "application/ipae/";
const NO_PROFILE = new Uint8Array(0);

/** Runs the application of a card from TERMINAL PROFILE to the next reset, while the card is switched to it. */
export class ApplicationHost implements ToolkitListener {
	readonly #euicc: Euicc;
	readonly #application: InCardApplication | undefined;
	#terminalProfile: Uint8Array | undefined;
	#running: RunningApplication | undefined;
	/** Ends with the application: what it still does after that finds no card. */
	#life = { isOver: true };
	/** What went wrong while the application used the memory; told to the terminal's command under way. */
	#failure: { readonly error: unknown } | undefined;

	constructor(euicc: Euicc, application: InCardApplication | undefined) {
		this.#euicc = euicc;
		this.#application = application;
	}

	onTerminalProfile(data: Uint8Array): void {
		this.#terminalProfile = data;
	}

	onEnvelope(data: Uint8Array): void {
		this.#running?.envelope(data);
	}

	/** The application loses everything but its files. */
	reset(): void {
		this.#terminalProfile = undefined;
		this.#failure = undefined;
		this.#stop();
	}

	/**
	 * Gives the application the time of one command.
	 * @throws EuiccError EUICC_POWER_CUT from a faulty memory
	 */
	async settle(): Promise<void> {
		this.#followSwitch();
		await this.#running?.settle();
		const failed = this.#failure;
		this.#failure = undefined;
		if (failed !== undefined) throw failed.error;
	}

	#followSwitch(): void {
		const isWanted = this.#terminalProfile !== undefined && isIpaeActive(this.#euicc);
		if (!isWanted) this.#stop();
		else if (this.#running === undefined) {
			this.#life = { isOver: false };
			this.#running = this.#application?.start(this.#interface(this.#terminalProfile ?? NO_PROFILE, this.#life));
		}
	}

	#stop(): void {
		const running = this.#running;
		this.#running = undefined;
		this.#life.isOver = true;
		running?.stop();
	}

	/** One life of the application: after `stop` it finds no card any more. */
	#interface(terminalProfile: Uint8Array, life: { readonly isOver: boolean }): InCardInterface {
		const { nvm, proactive, card } = this.#euicc;
		const channels = new PowerCycle(this.#euicc);
		const expectLife = () => {
			if (life.isOver) throw new EuiccError("EUICC_NOT_POWERED", "the card was reset");
		};
		return {
			terminalProfile,
			ciCertificates: card.ciCertificates,
			transmit: (apdu) => {
				expectLife();
				return this.#durable(() => answerTo(channels, apdu)) ?? statusOctets(Status.technicalProblem);
			},
			request: (command) =>
				new Promise((resolve) => {
					expectLife();
					proactive.request(command, resolve);
				}),
			get isCommandWaiting() {
				return proactive.isWaiting;
			},
			readFile: (name) => nvm.get(FILES + name),
			writeFile: (name, contents) => {
				expectLife();
				this.#durable(() => nvm.put(FILES + name, contents));
			},
		};
	}

	#durable<T>(action: () => T): T | undefined {
		const { nvm } = this.#euicc;
		try {
			const result = action();
			nvm.commit();
			return result;
		} catch (error) {
			nvm.rollback();
			this.#failure ??= { error };
			return undefined;
		}
	}
}

/** The application sees no 91xx: the proactive commands are for the terminal. */
function answerTo(channels: PowerCycle, apdu: Uint8Array): Uint8Array {
	const { data, status } = channels.transmit(apdu);
	return concatBytes(data, statusOctets(status));
}
