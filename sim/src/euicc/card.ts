import { type RandomSource, systemRandom } from "@iot-esim/shared/runtime/random";
import type { VpcdCard } from "@iot-esim/shared/transport/vpcd";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import { ATR } from "./apdu/atr.ts";
import { ProactiveSession } from "./apdu/proactive.ts";
import { Status, statusOctets } from "./apdu/status.ts";
import { ApplicationHost } from "./application-host.ts";
import { Ecasd } from "./ecasd.ts";
import { EuiccError } from "./errors.ts";
import { concludeInterruptedLoad } from "./es10/installation-result.ts";
import { RspSession } from "./es10/rsp-session.ts";
import type { Euicc } from "./euicc.ts";
import type { InCardApplication } from "./in-card-application.ts";
import type { Nvm } from "./nvm/nvm.ts";
import { loadPersonalisation } from "./personalisation.ts";
import { PowerCycle } from "./power-cycle.ts";
import type { ProfileFileSystems } from "./profile-files.ts";
import { EimAssociations } from "./state/eims.ts";
import { NotificationStore } from "./state/notifications.ts";
import { ProfileRegistry } from "./state/profiles.ts";
import { SettingsStore } from "./state/settings.ts";

export interface CardOptions {
	/** A memory that `personalise` has written a card into. */
	readonly nvm: Nvm;
	readonly fileSystems: ProfileFileSystems;
	/** The operating system's when absent. Signatures always take their randomness from there. */
	readonly random?: RandomSource;
	/** Told of an error inside the card, which the terminal sees as 6F00. */
	readonly onError?: (error: unknown) => void;
	/** The IPAe, which runs while the card is switched to it. */
	readonly ipae?: InCardApplication;
}

/**
 * An eUICC at its contacts: power, reset and command APDUs. Every change that an APDU makes is durable before its
 * answer leaves the card, all or nothing.
 */
export class Card implements VpcdCard {
	readonly #euicc: Euicc;
	readonly #onError: (error: unknown) => void;
	readonly #applications: ApplicationHost;
	#power: PowerCycle | undefined;

	/** @throws EuiccError EUICC_MEMORY_MISSING, EUICC_PERSONALISATION_INVALID */
	constructor({ nvm, fileSystems, random = systemRandom, onError = () => undefined, ipae }: CardOptions) {
		this.#euicc = openEuicc(nvm, fileSystems, random);
		this.#onError = onError;
		this.#applications = new ApplicationHost(this.#euicc, ipae);
	}

	/** 32 digits. */
	get eid(): string {
		return this.#euicc.card.eid;
	}

	/** The answer to reset, the same at every start. */
	atr(): Uint8Array {
		return ATR;
	}

	/** @returns the answer to reset */
	async powerOn(): Promise<Uint8Array> {
		return this.#start();
	}

	async powerOff(): Promise<void> {
		this.#power = undefined;
		this.#applications.reset();
	}

	/** Everything volatile is lost, as after a loss of power. @returns the answer to reset */
	async reset(): Promise<Uint8Array> {
		return this.#start();
	}

	/**
	 * Carries out one command APDU and gives the response with its two status octets, 258 octets at most.
	 * @throws EuiccError EUICC_NOT_POWERED, and EUICC_POWER_CUT from a faulty memory; the card is then without power
	 */
	async transmit(apdu: Uint8Array): Promise<Uint8Array> {
		if (this.#power === undefined) {
			throw new EuiccError("EUICC_NOT_POWERED", "the card has no power; power it on first");
		}
		const { nvm, proactive } = this.#euicc;
		try {
			const { data, status, isToolkit } = this.#power.transmit(apdu);
			nvm.commit();
			if (isToolkit) await this.#applications.settle();
			return concatBytes(data, statusOctets(proactive.statusOf(status)));
		} catch (error) {
			nvm.rollback();
			if (error instanceof EuiccError && error.code === "EUICC_POWER_CUT") {
				this.#power = undefined;
				this.#applications.reset();
				throw error;
			}
			this.#onError(error);
			return statusOctets(Status.technicalProblem);
		}
	}

	/** Volatile memory is empty. A load that was going on is reported as interrupted. */
	#start(): Uint8Array {
		const { session, proactive, nvm } = this.#euicc;
		this.#power = undefined;
		this.#applications.reset();
		session.end();
		proactive.reset();
		concludeInterruptedLoad(this.#euicc);
		nvm.commit();
		this.#power = new PowerCycle(this.#euicc, this.#applications);
		return ATR;
	}
}

/** The parts of a card over its memory. */
export function openEuicc(nvm: Nvm, fileSystems: ProfileFileSystems, random: RandomSource): Euicc {
	const card = loadPersonalisation(nvm);
	const ecasd = new Ecasd(card);
	return {
		card,
		random,
		ecasd,
		fileSystems,
		nvm,
		profiles: new ProfileRegistry(nvm),
		notifications: new NotificationStore(nvm, ecasd),
		eims: new EimAssociations(nvm),
		settings: new SettingsStore(nvm),
		session: new RspSession(),
		proactive: new ProactiveSession(),
	};
}
