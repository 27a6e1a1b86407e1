/** VERIFY, CHANGE, DISABLE, ENABLE and UNBLOCK PIN (ETSI TS 102 221 §11.1.9 to §11.1.13). */

import { timingSafeEqual } from "node:crypto";
import type { CommandContext, CommandHandler, FileCommand } from "./file-command.ts";
import { type FileAnswer, FileStatus, status } from "./file-status.ts";
import { type PinState, type PukState, pinFor } from "./file-system.ts";

const PIN_LENGTH = 8;

/** True when the PIN of a key reference was given, or need not be, seen from the current directory. */
export function isPinGiven({ fs, position, verified }: CommandContext, keyReference: number): boolean {
	const pin = pinFor(fs, position.directory, keyReference);
	return pin !== undefined && (!pin.isEnabled || verified.has(fs.security.pins.indexOf(pin)));
}

export const verifyPin: CommandHandler = (context, command) =>
	withPin(context, command, (pin) => {
		if (command.data.length === 0) return triesLeft(pin);
		if (command.data.length !== PIN_LENGTH) return status(FileStatus.wrongLength);
		if (!pin.isEnabled) return status(FileStatus.dataInvalidated);
		return checkPin(context, pin, command.data, () => {});
	});

export const changePin: CommandHandler = (context, command) =>
	withPin(context, command, (pin) => {
		if (command.data.length !== 2 * PIN_LENGTH) return status(FileStatus.wrongLength);
		if (!pin.isEnabled) return status(FileStatus.dataInvalidated);
		if (!pin.isChangeable) return status(FileStatus.conditionsNotSatisfied);
		return checkPin(context, pin, command.data.subarray(0, PIN_LENGTH), () => {
			pin.value = command.data.slice(PIN_LENGTH);
		});
	});

export const disablePin: CommandHandler = (context, command) => switchPin(context, command, false);

export const enablePin: CommandHandler = (context, command) => switchPin(context, command, true);

function switchPin(context: CommandContext, command: FileCommand, isEnabled: boolean): FileAnswer {
	return withPin(context, command, (pin) => {
		if (command.data.length !== PIN_LENGTH) return status(FileStatus.wrongLength);
		if (!pin.isSwitchable) return status(FileStatus.conditionsNotSatisfied);
		if (pin.isEnabled === isEnabled) return status(FileStatus.dataInvalidated);
		return checkPin(context, pin, command.data, () => {
			pin.isEnabled = isEnabled;
		});
	});
}

/** The PUK, then the new PIN; without data it tells how many tries the PUK has. */
export const unblockPin: CommandHandler = (context, command) =>
	withPin(context, command, (pin) => {
		const puk = pin.unblockedBy === undefined ? undefined : context.fs.security.puks[pin.unblockedBy];
		if (!puk) return status(FileStatus.dataNotFound);
		if (command.data.length === 0) return triesLeft(puk);
		if (command.data.length !== 2 * PIN_LENGTH) return status(FileStatus.wrongLength);
		return compare(context, puk, command.data.subarray(0, PIN_LENGTH), () => {
			pin.value = command.data.slice(PIN_LENGTH);
			pin.triesLeft = pin.maxTries;
			context.verified.add(context.fs.security.pins.indexOf(pin));
		});
	});

function withPin(context: CommandContext, { p1, p2 }: FileCommand, use: (pin: PinState) => FileAnswer): FileAnswer {
	if (p1 !== 0) return status(FileStatus.incorrectParameters);
	const pin = pinFor(context.fs, context.position.directory, p2);
	return pin ? use(pin) : status(FileStatus.dataNotFound);
}

/** Compares and, when it fits, marks the PIN as given and does `then`. */
function checkPin(context: CommandContext, pin: PinState, value: Uint8Array, then: () => void): FileAnswer {
	const index = context.fs.security.pins.indexOf(pin);
	const answer = compare(context, pin, value, () => {
		context.verified.add(index);
		then();
	});
	if (answer.sw !== FileStatus.ok) context.verified.delete(index);
	return answer;
}

/** The try is counted before the answer is known outside, so that pulling the power gains nothing. */
function compare(
	context: CommandContext,
	secret: PinState | PukState,
	value: Uint8Array,
	then: () => void,
): FileAnswer {
	if (secret.triesLeft === 0) return status(FileStatus.pinBlocked);
	context.note({ part: "security" });
	if (!timingSafeEqual(secret.value, value)) {
		secret.triesLeft -= 1;
		return triesLeft(secret);
	}
	secret.triesLeft = secret.maxTries;
	then();
	return status(FileStatus.ok);
}

function triesLeft({ triesLeft }: PinState | PukState): FileAnswer {
	return status(FileStatus.triesLeft | triesLeft);
}
