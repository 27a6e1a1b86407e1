/** The files and applications of a profile as one logical channel sees them. */

import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { type RandomSource, systemRandom } from "@iot-esim/shared/runtime/random";
import { AccessMode, isAllowed } from "./access-rule.ts";
import { readBinary, updateBinary } from "./binary-commands.ts";
import { retrieveData, setData } from "./data-object-commands.ts";
import { fcpOf } from "./fcp.ts";
import type { CommandContext, CommandHandler, FileCommand } from "./file-command.ts";
import { applicationOf, atMasterFile, findFile, isDirectoryFile, type Position } from "./file-selection.ts";
import { answer, type FileAnswer, FileStatus, status } from "./file-status.ts";
import { childrenOf, type FileSystem, type FileSystemChange, fileOf } from "./file-system.ts";
import { changePin, disablePin, enablePin, isPinGiven, unblockPin, verifyPin } from "./pin-commands.ts";
import { increase, readRecord, updateRecord } from "./record-commands.ts";
import { searchRecord } from "./search-command.ts";
import { authenticateNetwork, getIdentity } from "./usim-commands.ts";

/** What all channels share until the card is reset: the PINs that were given. */
export class CardSecurity {
	readonly verified = new Set<number>();
}

/** An answer, and what must be stored before it leaves the card. */
export interface FileSessionAnswer extends FileAnswer {
	readonly changed: boolean;
	readonly changes: readonly FileSystemChange[];
}

const DEACTIVATED = 0x04;
const ACTIVATED = 0x05;

export class FileSession {
	readonly #fs: FileSystem;
	readonly #security: CardSecurity;
	readonly #random: RandomSource;
	readonly #position: Position = atMasterFile();

	/** `random` gives the keys by which the USIM conceals its identity. */
	constructor(fs: FileSystem, security: CardSecurity, random: RandomSource = systemRandom) {
		this.#fs = fs;
		this.#security = security;
		this.#random = random;
	}

	/** The DF name of the application that was selected last on this channel. */
	get applicationId(): Uint8Array | undefined {
		const { application } = this.#position;
		return application === undefined ? undefined : fileOf(this.#fs, application).aid;
	}

	/** Carries out one command. The file system is changed in place; `changes` says what. */
	execute(command: FileCommand): FileSessionAnswer {
		const handler = HANDLERS.get(command.ins);
		const changes: FileSystemChange[] = [];
		if (!handler) return { ...status(FileStatus.instructionNotSupported), changed: false, changes };
		const context: CommandContext = {
			fs: this.#fs,
			position: this.#position,
			verified: this.#security.verified,
			random: this.#random,
			note: (change) => changes.push(change),
		};
		const { data, sw } = handler(context, command);
		return { data, sw, changed: changes.length > 0, changes };
	}
}

/** Bits of P2 of SELECT that say what comes back. */
const RETURN_MASK = 0x0c;
const RETURN_NOTHING = 0x0c;

/** Bits of P2 of SELECT by DF name: first or only, last, next, previous. */
const OCCURRENCE_MASK = 0x03;

const select: CommandHandler = ({ fs, position }, { p1, p2, data }) => {
	const id = findFile(fs, position, p1, data, p2 & OCCURRENCE_MASK);
	if (id === "malformed") return status(FileStatus.incorrectParameters);
	if (id === undefined) return status(FileStatus.fileNotFound);
	position.record = undefined;
	position.transfer = undefined;
	if (isDirectoryFile(fs, id)) {
		position.directory = id;
		position.file = undefined;
		if (fileOf(fs, id).kind === "adf") position.application = id;
	} else {
		// A file of a directory link is reached through the link, and the channel stays there.
		if (!childrenOf(fs, position.directory).includes(id)) position.directory = fileOf(fs, id).parent;
		position.file = id;
	}
	const isActivated = (fileOf(fs, id).lifeCycle & 1) !== 0;
	const sw = isActivated ? FileStatus.ok : FileStatus.fileDeactivated;
	return (p2 & RETURN_MASK) === RETURN_NOTHING ? status(sw) : { data: fcpOf(fs, id), sw };
};

/** STATUS tells of the current directory: its FCP, its DF name, or nothing (TS 102 221 §11.1.2). */
const reportStatus: CommandHandler = ({ fs, position }, { p1, p2 }) => {
	if (p1 > 2) return status(FileStatus.incorrectParameters);
	if (p2 === 0x0c) return status(FileStatus.ok);
	if (p2 === 0x00) return answer(fcpOf(fs, position.directory));
	if (p2 !== 0x01) return status(FileStatus.incorrectParameters);
	const application = applicationOf(fs, position.directory) ?? position.application;
	const aid = application === undefined ? undefined : fileOf(fs, application).aid;
	return aid ? answer(tlv(0x84, aid)) : status(FileStatus.dataNotFound);
};

const switchFile =
	(mode: number, lifeCycle: number): CommandHandler =>
	(context, { p1, p2, data }) => {
		const { fs, position } = context;
		if (p2 !== 0) return status(FileStatus.incorrectParameters);
		const found = data.length === 0 ? position.file : findFile(fs, position, p1, data);
		if (found === "malformed") return status(FileStatus.incorrectParameters);
		if (found === undefined) return status(data.length === 0 ? FileStatus.noFileSelected : FileStatus.fileNotFound);
		if (isDirectoryFile(fs, found)) return status(FileStatus.incompatibleFile);
		if (!isAllowed(fs, found, { mode }, (reference) => isPinGiven(context, reference))) {
			return status(FileStatus.securityNotSatisfied);
		}
		fileOf(fs, found).lifeCycle = lifeCycle;
		context.note({ part: "files" });
		return status(FileStatus.ok);
	};

const HANDLERS: ReadonlyMap<number, CommandHandler> = new Map([
	[0x04, switchFile(AccessMode.deactivate, DEACTIVATED)],
	[0x20, verifyPin],
	[0x24, changePin],
	[0x26, disablePin],
	[0x28, enablePin],
	[0x2c, unblockPin],
	[0x32, increase],
	[0x44, switchFile(AccessMode.activate, ACTIVATED)],
	[0x78, getIdentity],
	[0x88, authenticateNetwork],
	[0xa2, searchRecord],
	[0xa4, select],
	[0xb0, readBinary],
	[0xb2, readRecord],
	[0xcb, retrieveData],
	[0xd6, updateBinary],
	[0xdb, setData],
	[0xdc, updateRecord],
	[0xf2, reportStatus],
]);
