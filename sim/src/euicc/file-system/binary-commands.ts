/** READ BINARY and UPDATE BINARY (ETSI TS 102 221 §11.1.3, §11.1.4). */

import { AccessMode, isAllowed } from "./access-rule.ts";
import type { CommandContext, CommandHandler, FileCommand } from "./file-command.ts";
import { answer, type FileAnswer, FileStatus, status } from "./file-status.ts";
import { childByShortFileId, contentsOf, type FileId, type FileSystem, fileOf, setContents } from "./file-system.ts";
import { isPinGiven } from "./pin-commands.ts";

const NAMES_SHORT_FILE_ID = 0x80;
const ACTIVATED = 0x01;
/** Special file information: may be read and updated even when deactivated. */
const USABLE_WHEN_DEACTIVATED = 0x40;

export const readBinary: CommandHandler = (context, command) =>
	withOffset(context, command, AccessMode.read, (id, offset) => {
		const rest = contentsOf(context.fs, id).subarray(offset);
		const { le } = command;
		if (le !== undefined && le < 256 && le > rest.length) return status(FileStatus.exactLength | rest.length);
		return answer(rest.subarray(0, le ?? 256));
	});

export const updateBinary: CommandHandler = (context, command) =>
	withOffset(context, command, AccessMode.update, (id, offset) => {
		const { data } = command;
		const contents = contentsOf(context.fs, id).slice();
		if (data.length === 0 || offset + data.length > contents.length) return status(FileStatus.wrongLength);
		contents.set(data, offset);
		context.note({ part: "contents", file: setContents(context.fs, id, contents) });
		return status(FileStatus.ok);
	});

/** P1 and P2 are an offset into the current file, or a short file identifier and an offset of one octet. */
function withOffset(
	context: CommandContext,
	{ p1, p2 }: FileCommand,
	mode: number,
	use: (id: FileId, offset: number) => FileAnswer,
): FileAnswer {
	const isShort = (p1 & NAMES_SHORT_FILE_ID) !== 0;
	if (isShort && (p1 & 0x60) !== 0) return status(FileStatus.incorrectParameters);
	const id = chooseFile(context, isShort ? p1 & 0x1f : 0);
	if (typeof id !== "number") return id;
	const refusal = refuses(context, id, mode, (kind) => kind === "transparent");
	if (refusal) return refusal;
	const offset = isShort ? p2 : p1 * 256 + p2;
	if (offset >= contentsOf(context.fs, id).length) return status(FileStatus.wrongOffset);
	return use(id, offset);
}

/** The current file, or the one with a short identifier in the current directory, which becomes the current one. */
export function chooseFile({ fs, position }: CommandContext, shortFileId: number): FileId | FileAnswer {
	if (shortFileId === 0) return position.file ?? status(FileStatus.noFileSelected);
	const id = childByShortFileId(fs, position.directory, shortFileId);
	if (id === undefined) return status(FileStatus.fileNotFound);
	if (position.file !== id) Object.assign(position, { file: id, record: undefined });
	return id;
}

/** Why an access to a file is refused; undefined when it is not. */
export function refuses(
	context: CommandContext,
	id: FileId,
	mode: number,
	fits: (kind: string) => boolean,
): FileAnswer | undefined {
	const { fs } = context;
	if (!fits(fileOf(fs, id).kind)) return status(FileStatus.incompatibleFile);
	if (!isUsable(fs, id)) return status(FileStatus.dataInvalidated);
	if (!isAllowed(fs, id, { mode }, (reference) => isPinGiven(context, reference))) {
		return status(FileStatus.securityNotSatisfied);
	}
	return undefined;
}

export function isUsable(fs: FileSystem, id: FileId): boolean {
	const { lifeCycle, specialInformation } = fileOf(fs, id);
	return (lifeCycle & ACTIVATED) !== 0 || (specialInformation & USABLE_WHEN_DEACTIVATED) !== 0;
}
