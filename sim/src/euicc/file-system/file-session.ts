/** The files and applications of a profile as one logical channel sees them. */

import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { authenticate } from "../usim/authenticate.ts";
import { AccessMode, isAllowed } from "./access-rule.ts";
import { readBinary, updateBinary } from "./binary-commands.ts";
import { fcpOf } from "./fcp.ts";
import type { CommandContext, CommandHandler, FileCommand } from "./file-command.ts";
import { applicationOf, atMasterFile, findFile, isDirectoryFile, type Position } from "./file-selection.ts";
import { answer, type FileAnswer, FileStatus, status } from "./file-status.ts";
import { childByFid, contentsOf, type FileId, type FileSystem, type FileSystemChange, fileOf } from "./file-system.ts";
import { changePin, disablePin, enablePin, isPinGiven, unblockPin, verifyPin } from "./pin-commands.ts";
import { increase, readRecord, updateRecord } from "./record-commands.ts";
import { searchRecord } from "./search-command.ts";

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
	readonly #position: Position = atMasterFile();

	constructor(fs: FileSystem, security: CardSecurity) {
		this.#fs = fs;
		this.#security = security;
	}

	/** The DF name of the application that was selected last on this channel. */
	get applicationId(): Uint8Array | undefined {
		const { application } = this.#position;
		return application === undefined ? undefined : fileOf(this.#fs, application).aid;
	}

	/** Carries out one command. The file system is changed in place; `changes` says what. */
	execute(command: FileCommand): FileSessionAnswer {
		const handler = HANDLERS[command.ins];
		const changes: FileSystemChange[] = [];
		if (!handler) return { ...status(FileStatus.instructionNotSupported), changed: false, changes };
		const context: CommandContext = {
			fs: this.#fs,
			position: this.#position,
			verified: this.#security.verified,
			note: (change) => changes.push(change),
		};
		const { data, sw } = handler(context, command);
		return { data, sw, changed: changes.length > 0, changes };
	}
}

/** Bits of P2 of SELECT that say what comes back. */
const RETURN_MASK = 0x0c;
const RETURN_NOTHING = 0x0c;

const select: CommandHandler = ({ fs, position }, { p1, p2, data }) => {
	const id = findFile(fs, position, p1, data);
	if (id === "malformed") return status(FileStatus.incorrectParameters);
	if (id === undefined) return status(FileStatus.fileNotFound);
	position.record = undefined;
	if (isDirectoryFile(fs, id)) {
		position.directory = id;
		position.file = undefined;
		if (fileOf(fs, id).kind === "adf") position.application = id;
	} else {
		position.directory = fileOf(fs, id).parent;
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

const APPLICATION_PIN = 0x01;
const SERVICE_TABLE = 0x6f38;
const GSM_ACCESS = 27;
const GSM_SECURITY_CONTEXT = 38;

const authenticateNetwork: CommandHandler = (context, { p1, p2, data }) => {
	const { fs, position } = context;
	const application = applicationOf(fs, position.directory);
	const index = application === undefined ? undefined : fs.authentication.byApplication[application];
	const keys = index === undefined ? undefined : fs.authentication.keys[index];
	if (application === undefined || !keys) return status(FileStatus.conditionsNotSatisfied);
	if (p1 !== 0) return status(FileStatus.incorrectParameters);
	if (!isPinGiven(context, pinOfApplication(fs, application))) return status(FileStatus.securityNotSatisfied);
	const isUsim = fileOf(fs, application).name === "adf-usim";
	const { changed, ...result } = authenticate(keys, {
		context: p2,
		data,
		returnsKc: isUsim && hasService(fs, application, GSM_ACCESS),
		allowsGsmContext: isUsim && hasService(fs, application, GSM_SECURITY_CONTEXT),
	});
	if (changed) context.note({ part: "authentication" });
	return result;
};

/** The application's own PIN is the first global one that its FCP lists (TS 102 221 §9.5.1). */
function pinOfApplication(fs: FileSystem, application: FileId): number {
	const references = [...(fileOf(fs, application).pinReferences ?? [])];
	return references.find((reference) => reference >= 1 && reference <= 8) ?? APPLICATION_PIN;
}

/** A service of EF.UST; services are numbered from 1. */
function hasService(fs: FileSystem, application: FileId, service: number): boolean {
	const table = childByFid(fs, application, SERVICE_TABLE);
	const octet = table === undefined ? 0 : (contentsOf(fs, table)[(service - 1) >> 3] ?? 0);
	return ((octet >> ((service - 1) & 7)) & 1) !== 0;
}

const HANDLERS: Readonly<Record<number, CommandHandler>> = {
	4: switchFile(AccessMode.deactivate, DEACTIVATED),
	32: verifyPin,
	36: changePin,
	38: disablePin,
	40: enablePin,
	44: unblockPin,
	50: increase,
	68: switchFile(AccessMode.activate, ACTIVATED),
	136: authenticateNetwork,
	162: searchRecord,
	164: select,
	176: readBinary,
	178: readRecord,
	214: updateBinary,
	220: updateRecord,
	242: reportStatus,
};
