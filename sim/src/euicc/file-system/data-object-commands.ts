/** RETRIEVE DATA and SET DATA on BER-TLV files (ETSI TS 102 221 §11.3). */

import { readTlvs, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import { AccessMode } from "./access-rule.ts";
import { chooseFile, refuses } from "./binary-commands.ts";
import type { CommandContext, CommandHandler, FileCommand } from "./file-command.ts";
import { answer, type FileAnswer, FileStatus, status } from "./file-status.ts";
import { contentsOf, type FileId, setContents, sizeOf } from "./file-system.ts";

/** High bits of P2: the first block of an object, or the next one. */
const FIRST_BLOCK = 0x80;
const BLOCK_MASK = 0xe0;
const MAX_BLOCK = 256;

/** Asking for this tag gives the tags of all objects (§11.3.1). */
const TAG_LIST = 0x5c;

/** Tag, then in the first block's answer tag, length and value; further blocks follow while 62F1 is answered. */
export const retrieveData: CommandHandler = (context, command) =>
	withFile(context, command, AccessMode.read, (id) => {
		const { position } = context;
		if (isFirst(command)) {
			const tag = wholeTag(command.data);
			if (tag === undefined) return status(FileStatus.wrongLength);
			const objects = objectsOf(contentsOf(context.fs, id));
			const isTagList = tag.length === 1 && tag[0] === TAG_LIST;
			const found = isTagList ? tagList(objects) : objects.find((object) => startsWith(object, tag));
			if (!found) return status(FileStatus.dataNotFound);
			position.transfer = { direction: "out", octets: found, total: found.length };
		}
		const { transfer } = position;
		if (transfer?.direction !== "out") return status(FileStatus.conditionsNotSatisfied);
		const block = transfer.octets.subarray(0, Math.min(command.le ?? MAX_BLOCK, MAX_BLOCK));
		const rest = transfer.octets.subarray(block.length);
		position.transfer = rest.length === 0 ? undefined : { ...transfer, octets: rest };
		return rest.length === 0 ? answer(block) : { data: block, sw: FileStatus.moreDataAvailable };
	});

/** Tag, length and value, in as many blocks as it takes; a tag alone removes the object. */
export const setData: CommandHandler = (context, command) =>
	withFile(context, command, AccessMode.update, (id) => {
		const { position } = context;
		if (isFirst(command)) {
			const total = announcedLength(command.data);
			if (total === undefined) return status(FileStatus.incorrectData);
			if (total === "tag alone") return removeObject(context, id, command.data);
			position.transfer = { direction: "in", octets: command.data.slice(), total };
		} else if (position.transfer?.direction === "in") {
			position.transfer = { ...position.transfer, octets: concatBytes(position.transfer.octets, command.data) };
		} else return status(FileStatus.conditionsNotSatisfied);
		const { octets, total } = position.transfer;
		if (octets.length < total) return status(FileStatus.moreDataExpected);
		position.transfer = undefined;
		return octets.length === total ? storeObject(context, id, octets) : status(FileStatus.wrongLength);
	});

function withFile(
	context: CommandContext,
	{ p1, p2 }: FileCommand,
	mode: number,
	use: (id: FileId) => FileAnswer,
): FileAnswer {
	const block = p2 & BLOCK_MASK;
	if (p1 !== 0 || (block !== FIRST_BLOCK && block !== 0)) return status(FileStatus.incorrectParameters);
	const id = chooseFile(context, p2 & 0x1f);
	if (typeof id !== "number") return id;
	return refuses(context, id, mode, (kind) => kind === "ber-tlv") ?? use(id);
}

function isFirst({ p2 }: FileCommand): boolean {
	return (p2 & BLOCK_MASK) === FIRST_BLOCK;
}

/** The objects of a file; contents that are no row of TLVs count as none. */
function objectsOf(contents: Uint8Array): Uint8Array[] {
	try {
		return readTlvs(contents).map((object) => tlvBytes(contents, object));
	} catch {
		return [];
	}
}

function tagList(objects: readonly Uint8Array[]): Uint8Array {
	return tlv(TAG_LIST, ...objects.map((object) => object.subarray(0, tagLength(object))));
}

/** Octets of the tag at the beginning of `data`; undefined when it is cut off. */
function tagLength(data: Uint8Array): number | undefined {
	if (data.length === 0) return undefined;
	if (((data[0] as number) & 0x1f) !== 0x1f) return 1;
	for (let at = 1; at < Math.min(data.length, 4); at++) if (((data[at] as number) & 0x80) === 0) return at + 1;
	return undefined;
}

function wholeTag(data: Uint8Array): Uint8Array | undefined {
	return tagLength(data) === data.length ? data : undefined;
}

function startsWith(object: Uint8Array, tag: Uint8Array): boolean {
	return tagLength(object) === tag.length && tag.every((octet, i) => object[i] === octet);
}

/** Octets of the object that the first block begins. */
function announcedLength(data: Uint8Array): number | "tag alone" | undefined {
	const tag = tagLength(data);
	if (tag === undefined) return undefined;
	const first = data[tag];
	if (first === undefined) return "tag alone";
	if (first < 0x80) return tag + 1 + first;
	const count = first & 0x7f;
	if (count === 0 || count > 3 || data.length < tag + 1 + count) return undefined;
	const length = data.subarray(tag + 1, tag + 1 + count).reduce((sum, octet) => sum * 256 + octet, 0);
	return tag + 1 + count + length;
}

function storeObject(context: CommandContext, id: FileId, object: Uint8Array): FileAnswer {
	const tag = object.subarray(0, tagLength(object));
	if (objectsOf(object).length !== 1) return status(FileStatus.incorrectData);
	const others = objectsOf(contentsOf(context.fs, id)).filter((other) => !startsWith(other, tag));
	const contents = concatBytes(...others, object);
	if (contents.length > sizeOf(context.fs, id)) return status(FileStatus.notEnoughMemory);
	context.note({ part: "contents", file: setContents(context.fs, id, contents) });
	return status(FileStatus.ok);
}

function removeObject(context: CommandContext, id: FileId, tag: Uint8Array): FileAnswer {
	const objects = objectsOf(contentsOf(context.fs, id));
	const others = objects.filter((object) => !startsWith(object, tag));
	if (others.length === objects.length) return status(FileStatus.dataNotFound);
	context.note({ part: "contents", file: setContents(context.fs, id, concatBytes(...others)) });
	return status(FileStatus.ok);
}
