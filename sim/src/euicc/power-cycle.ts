import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { equalBytes, fromHex } from "@iot-esim/shared/util/bytes";
import { type Channel, Channels, HIGHEST_CHANNEL } from "./apdu/channels.ts";
import { type Command, parseCommand } from "./apdu/command.ts";
import { defaultFiles } from "./apdu/default-files.ts";
import { type Answer, answered, plain, Status } from "./apdu/status.ts";
import type { Euicc } from "./euicc.ts";
import { ISD_R_AID, isdrControlInformation, storeData } from "./isd-r.ts";
import { type ProfileFiles, storageOf } from "./profile-files.ts";

const Instruction = {
	terminalProfile: 0x10,
	fetch: 0x12,
	terminalResponse: 0x14,
	manageChannel: 0x70,
	select: 0xa4,
	terminalCapability: 0xaa,
	getResponse: 0xc0,
	envelope: 0xc2,
	getData: 0xca,
	storeData: 0xe2,
	status: 0xf2,
} as const;

/** Commands by which a terminal serves the toolkit: only they give an application in the card its time. */
const TOOLKIT: readonly number[] = [
	Instruction.terminalProfile,
	Instruction.terminalResponse,
	Instruction.envelope,
	Instruction.status,
];

const ECASD_AID = fromHex("A0000005591010FFFFFFFF8900000200");

/** Who is told of what the terminal says to the toolkit. */
export interface ToolkitListener {
	onTerminalProfile(data: Uint8Array): void;
	onEnvelope(data: Uint8Array): void;
}

const NOBODY: ToolkitListener = { onTerminalProfile: () => undefined, onEnvelope: () => undefined };

export interface CommandAnswer extends Answer {
	/** By a command with which the terminal serves the toolkit. */
	readonly isToolkit: boolean;
}

/**
 * A card from one reset to the next: its channels, the profile whose files the terminal sees, and everything else that
 * a reset forgets.
 */
export class PowerCycle {
	readonly #euicc: Euicc;
	readonly #channels: Channels;
	readonly #toolkit: ToolkitListener;
	#activeAid: Uint8Array | undefined;
	#activeFiles: ProfileFiles = defaultFiles;
	#isTerminalCapabilityKnown = false;
	/** True from a profile switch to the next reset; only a quirk looks at it. */
	#hasSwitched = false;

	constructor(euicc: Euicc, toolkit: ToolkitListener = NOBODY) {
		this.#euicc = euicc;
		this.#toolkit = toolkit;
		this.#activateEnabledProfile();
		this.#channels = new Channels(() => this.#activeFiles.openSession());
	}

	/** Carries out one command; the answer fits into one response APDU. */
	transmit(apdu: Uint8Array): CommandAnswer {
		const command = parseCommand(apdu);
		if (typeof command === "number") return { ...plain(command), isToolkit: false };
		const channel = this.#channels.get(command.channel);
		if (channel === undefined) return { ...plain(Status.channelNotSupported), isToolkit: false };
		const answer = this.#answer(command, channel);
		this.#followSwitch();
		return { ...answer, isToolkit: command.isProprietary && TOOLKIT.includes(command.ins) };
	}

	#answer(command: Command, channel: Channel): Answer {
		if (command.ins === Instruction.getResponse) return channel.response.next(command);
		const isStoreData = command.ins === Instruction.storeData && command.isProprietary;
		if (!isStoreData) channel.storeData.clear();
		return channel.response.start(command, this.#execute(command, channel));
	}

	#execute(command: Command, channel: Channel): Answer {
		const { ins, isProprietary } = command;
		if (isProprietary) {
			switch (ins) {
				case Instruction.terminalProfile:
					this.#toolkit.onTerminalProfile(command.data);
					return plain(Status.ok);
				case Instruction.envelope:
					this.#toolkit.onEnvelope(command.data);
					return plain(Status.ok);
				case Instruction.terminalCapability:
					return this.#terminalCapability(command);
				case Instruction.fetch:
					return this.#euicc.proactive.fetch(command.le);
				case Instruction.terminalResponse:
					this.#euicc.proactive.complete(command.data);
					return plain(Status.ok);
				default:
			}
		} else if (ins === Instruction.manageChannel) return this.#manageChannel(command, channel);
		else if (ins === Instruction.select) return this.#select(command, channel);
		switch (channel.application) {
			case "isd-r":
				return this.#isdR(command, channel);
			case "ecasd":
				return this.#ecasd(command);
			default:
				return channel.files.transmit(command);
		}
	}

	/** ETSI TS 102 221 section 11.1.19: a list of A9. */
	#terminalCapability({ data }: Command): Answer {
		if (data[0] !== 0xa9) return plain(Status.incorrectData);
		this.#isTerminalCapabilityKnown = true;
		return plain(Status.ok);
	}

	/** ETSI TS 102 221 section 11.1.17: P2 00 lets the card choose the channel, another value names it. */
	#manageChannel({ p1, p2, le, channel: own }: Command, channel: Channel): Answer {
		if (p1 === 0x80) {
			const closing = p2 === 0 ? own : p2;
			if (closing === 0 || closing > HIGHEST_CHANNEL) return plain(Status.incorrectParameters);
			return plain(this.#channels.close(closing) ? Status.ok : Status.channelNotSupported);
		}
		if (p1 !== 0x00 || p2 > HIGHEST_CHANNEL) return plain(Status.incorrectParameters);
		if (p2 !== 0) {
			if (this.#channels.get(p2) !== undefined) return plain(Status.functionNotSupported);
			this.#channels.open(p2, channel);
			return plain(Status.ok);
		}
		if (le === undefined) return plain(0x6c01);
		const number = this.#channels.lowestFree;
		if (number === undefined) return plain(Status.functionNotSupported);
		this.#channels.open(number, channel);
		return answered(Uint8Array.of(number));
	}

	#select(command: Command, channel: Channel): Answer {
		const { p1, p2, data } = command;
		if (p1 === 0x04 && equalBytes(data, ISD_R_AID)) {
			const { needsTerminalCapability } = this.#euicc.card.quirks;
			if (needsTerminalCapability && !this.#isTerminalCapabilityKnown) return plain(Status.fileNotFound);
			channel.application = "isd-r";
			return (p2 & 0x0c) === 0x0c ? plain(Status.ok) : answered(isdrControlInformation(this.#euicc));
		}
		if (p1 === 0x04 && equalBytes(data, ECASD_AID)) {
			channel.application = "ecasd";
			return (p2 & 0x0c) === 0x0c ? plain(Status.ok) : answered(tlv(0x6f, tlv(0x84, ECASD_AID)));
		}
		const answer = channel.files.transmit(command);
		if (answer.status === Status.ok) channel.application = "files";
		return answer;
	}

	#isdR({ ins, isProprietary, p1, p2, data }: Command, channel: Channel): Answer {
		if (ins === Instruction.status && isProprietary) {
			return p2 === 0x0c ? plain(Status.ok) : answered(tlv(0x84, ISD_R_AID));
		}
		if (!isProprietary) return plain(Status.classNotSupported);
		if (ins !== Instruction.storeData) return plain(Status.instructionNotSupported);
		if (this.#hasSwitched && this.#euicc.card.quirks.refusesEs10UntilReset) {
			return plain(Status.conditionsNotSatisfied);
		}
		const assembly = channel.storeData.add(p1, p2, data);
		return "whole" in assembly ? storeData(assembly.whole, this.#euicc) : plain(assembly.status);
	}

	/** GlobalPlatform GET DATA of the EID, the only thing that ECASD tells to the outside. */
	#ecasd({ ins, isProprietary, p1, p2 }: Command): Answer {
		if (ins !== Instruction.getData || !isProprietary) return plain(Status.instructionNotSupported);
		if (p1 !== 0x00 || p2 !== 0x5a) return plain(Status.referencedDataNotFound);
		return answered(tlv(0x5a, fromHex(this.#euicc.card.eid)));
	}

	/**
	 * The terminal sees the files of the profile that is enabled. After a switch with REFRESH it goes on with the old
	 * ones until it has answered the REFRESH (or resets the card).
	 */
	#followSwitch(): void {
		if (this.#euicc.proactive.isBusy) {
			this.#hasSwitched = true;
			return;
		}
		if (!this.#activateEnabledProfile()) return;
		this.#hasSwitched = true;
		this.#channels.reopenFiles();
	}

	/** @returns true when another profile than before is active now */
	#activateEnabledProfile(): boolean {
		const { profiles, fileSystems } = this.#euicc;
		const aid = profiles.enabled?.isdpAid;
		if (aid === undefined ? this.#activeAid === undefined : this.#activeAid && equalBytes(aid, this.#activeAid)) {
			return false;
		}
		this.#activeAid = aid;
		this.#activeFiles = aid === undefined ? defaultFiles : fileSystems.open(storageOf(this.#euicc, aid));
		return true;
	}
}
