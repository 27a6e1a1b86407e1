import { decode } from "@iot-esim/shared/asn1/schema";
import { type EuiccResultData, ProcessingTerminatedCode } from "@iot-esim/shared/messages/sgp32/command-results";
import { EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { changeDevice, type Device, type DeviceChange } from "../domain/device.ts";
import type { EuiccCommand } from "../domain/euicc-command.ts";
import type {
	CommandOutcome,
	OperationEvent,
	OperationOrder,
	OperationOutcome,
	OperationReason,
	OutcomeFact,
} from "../domain/operation.ts";
import type { ProfileChange } from "../domain/profile.ts";
import { type AnswerContext, type CommandForm, formOf } from "./euicc-commands.ts";
import { reasonOf } from "./result-text.ts";

/** What the results of a package mean, as facts; nothing is stored here. */
export interface PackageOutcome {
	readonly event: OperationEvent;
	readonly profileChanges: readonly ProfileChange[];
	readonly deviceChange: DeviceChange;
	/** What the eIM has to ask, because it cannot know any more how things stand on the card. */
	readonly questions: readonly OperationOrder[];
}

/** A package that was answered. */
export interface AnsweredPackage {
	readonly commands: readonly EuiccCommand[];
	/** The EuiccPackageRequest that was sent. */
	readonly bytes: Uint8Array;
	/** As it was known before the results. */
	readonly device: Device;
	readonly ownEimId: string;
}

/**
 * Reads the results of a package, one per command and in its order; `rollbackResult` belongs to no command, and
 * `processingTerminated` stands for all that was not executed (SGP.32 section 2.11.2.1).
 */
export function packageOutcome(sent: AnsweredPackage, results: readonly EuiccResultData[], at: number): PackageOutcome {
	const reading = new Reading(sent, at);
	for (const result of results) reading.take(result);
	return reading.end();
}

/**
 * The outcome of a package that a later one has overtaken: how the operation ended is true, but the card has gone on
 * since, and only the card can say how things stand on it.
 */
export function overtaken({ event }: PackageOutcome, commands: readonly EuiccCommand[]): PackageOutcome {
	const doubts = new Set(commands.flatMap((command) => formOf(command).inDoubt ?? []));
	const questions = [...doubts].flatMap((doubt) => QUESTIONS[doubt]);
	return { event, profileChanges: [], deviceChange: {}, questions };
}

type RollbackState = "none" | "done" | "failed";

/** The results of one package on their way through. */
class Reading {
	readonly #sent: AnsweredPackage;
	readonly #at: number;
	readonly #outcomes: CommandOutcome[] = [];
	readonly #profileChanges: ProfileChange[] = [];
	#deviceChange: DeviceChange = {};
	#device: Device;
	#failure: OperationReason | undefined;
	#terminated: number | undefined;
	#rollback: RollbackState = "none";
	#doubts = new Set<CommandForm["inDoubt"]>();

	constructor(sent: AnsweredPackage, at: number) {
		this.#sent = sent;
		this.#at = at;
		this.#device = sent.device;
	}

	take(result: EuiccResultData): void {
		if ("rollbackResult" in result) {
			this.#rollback = result.rollbackResult === 0 ? "done" : "failed";
		} else if ("processingTerminated" in result) {
			this.#terminated = result.processingTerminated;
			this.#failure ??= reasonOf("processingTerminated", result.processingTerminated);
		} else this.#takeAnswer(result);
	}

	#takeAnswer(result: EuiccResultData): void {
		const command = this.#sent.commands[this.#outcomes.length];
		const form = command && formOf(command);
		const answer = form && (result as Readonly<Record<string, unknown>>)[form.result];
		if (command === undefined || form === undefined || answer === undefined) {
			const asked = command ? ` to ${command.type}` : "";
			this.#failure ??= { text: `The eUICC answered${asked} what was not asked for (${Object.keys(result).join()}).` };
			// Nothing can be said of any command when the answers are not those to the commands.
			for (const one of this.#sent.commands) this.#doubts.add(formOf(one).inDoubt);
			return;
		}
		const read = form.read(answer, command.parameters, this.#context(this.#outcomes.length));
		if (read.kind === "failed") {
			this.#failure ??= read.reason;
			if (read.isUncertain) this.#doubts.add(form.inDoubt);
			this.#outcomes.push({ type: command.type, state: "failed", ...read.reason });
			return;
		}
		this.#outcomes.push({ type: command.type, state: "succeeded", ...read.facts });
		if (read.profileChange) this.#profileChanges.push(read.profileChange);
		if (read.deviceChange) this.#changeDevice(read.deviceChange);
	}

	#context(index: number): AnswerContext {
		const { bytes, ownEimId } = this.#sent;
		return {
			device: this.#device,
			at: this.#at,
			ownEimId,
			sent() {
				const { euiccPackage } = decode(EuiccPackageRequest, bytes).euiccPackageSigned.value;
				return ("psmoList" in euiccPackage ? euiccPackage.psmoList : euiccPackage.ecoList)[index];
			},
		};
	}

	#changeDevice(change: DeviceChange): void {
		this.#deviceChange = { ...this.#deviceChange, ...change };
		const changed = changeDevice(this.#device, change);
		if (!(changed instanceof Error)) this.#device = changed;
	}

	end(): PackageOutcome {
		this.#completeOutcomes();
		const event = this.#rollback === "none" ? this.#event() : this.#rolledBack();
		return {
			event,
			profileChanges: this.#profileChanges,
			deviceChange: this.#deviceChange,
			questions: [...this.#doubts].flatMap((doubt) => (doubt === undefined ? [] : QUESTIONS[doubt])),
		};
	}

	/** What became of the commands without an answer. */
	#completeOutcomes(): void {
		const { commands } = this.#sent;
		// The card stopped at a failure, or at a command that it could not read: what follows was not begun.
		const isStopped =
			this.#outcomes.some(({ state }) => state === "failed") ||
			this.#terminated === ProcessingTerminatedCode.unknownOrDamagedCommand;
		if (this.#failure === undefined && this.#rollback === "none" && this.#outcomes.length < commands.length) {
			this.#failure = { text: "The eUICC answered without a result for each command." };
		}
		const isAtCommand = this.#terminated === ProcessingTerminatedCode.unknownOrDamagedCommand;
		for (const [index, command] of commands.slice(this.#outcomes.length).entries()) {
			if (isStopped && index === 0 && isAtCommand) {
				this.#outcomes.push({ type: command.type, state: "failed", ...this.#failure });
			} else if (isStopped) this.#outcomes.push({ type: command.type, state: "notExecuted" });
			else {
				this.#doubts.add(formOf(command).inDoubt);
				this.#outcomes.push({ type: command.type, state: "unknown" });
			}
		}
	}

	#event(): OperationEvent {
		const at = this.#at;
		const outcome = this.#outcome();
		const told = outcome === undefined ? {} : { outcome };
		if (this.#failure === undefined) return { kind: "succeeded", at, ...told };
		return { kind: "failed", at, reason: this.#failure, ...told };
	}

	/** The card is back on the profile that was enabled before; which one that is, only the card can say. */
	#rolledBack(): OperationEvent {
		const at = this.#at;
		this.#doubts.add("listProfiles");
		if (this.#rollback === "failed") {
			const text = "The device tried to go back to the profile before, and the eUICC could not.";
			const outcome = this.#outcome();
			const reason = { ...reasonOf("rollback", 127), text };
			return { kind: "failed", at, reason, ...(outcome === undefined ? {} : { outcome }) };
		}
		for (const [index, command] of this.#sent.commands.entries()) {
			if (command.type !== "enable") continue;
			this.#profileChanges.push({ kind: "disabled", iccid: command.parameters.iccid });
			this.#outcomes[index] = { type: command.type, state: "rolledBack" };
		}
		const outcome = this.#outcome();
		const text = "The device could not report over the new profile and went back to the one before.";
		const reason = { ...reasonOf("rollback", 0), text };
		return { kind: "rolledBack", at, reason, ...(outcome === undefined ? {} : { outcome }) };
	}

	/** Facts of a single command stand for themselves; of several, each has its place. */
	#outcome(): OperationOutcome | undefined {
		if (this.#sent.commands.length > 1) return { commands: this.#outcomes as readonly OutcomeFact[] };
		const [only] = this.#outcomes;
		if (only === undefined || only.state === "failed") return undefined;
		const { type: _type, state: _state, ...facts } = only;
		return Object.keys(facts).length === 0 ? undefined : (facts as OperationOutcome);
	}
}

const QUESTIONS: Readonly<Record<NonNullable<CommandForm["inDoubt"]>, OperationOrder>> = {
	listProfiles: { type: "listProfiles", parameters: {} },
	listEims: { type: "listEims", parameters: {} },
	readEuiccData: { type: "readEuiccData", parameters: { tags: ["81"] } },
};
