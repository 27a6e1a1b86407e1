import type { Fcp, FileManagement } from "@iot-esim/shared/messages/pe/file";
import { type FileImage, type FileStep, fileImage, isDirectory, pathOf } from "@iot-esim/shared/profile/file-image";
import type { FileElement } from "@iot-esim/shared/profile/profile-package";
import { isFileStep } from "@iot-esim/shared/profile/subscriber";
import type { FileTemplate, ProfileTemplate, TemplateHome } from "@iot-esim/shared/profile/templates/file-template";
import { templateOf } from "@iot-esim/shared/profile/templates/registry";
import {
	type CardFile,
	childByFid,
	contentsOf,
	type FileId,
	type FileSystem,
	fileAtPath,
	fileOf,
	MASTER_FILE,
	setContents,
} from "./file-system.ts";
import { InstallationFailure } from "./installation-failure.ts";

type ApplicationKind = "usim" | "isim" | "csim";
const APPLICATION_FIELDS: Readonly<Record<string, ApplicationKind>> = {
	"adf-usim": "usim",
	"adf-isim": "isim",
	"adf-csim": "csim",
};

/** Grows the tree of files, element by element. */
export class FileTreeBuilder {
	readonly #fs: FileSystem;
	#memoryLeft: number;
	/** The application of each kind that was created last; optional elements add to it. */
	readonly #applications = new Map<ApplicationKind, FileId>();
	/** The directory that PINs and authentication parameters of the next element belong to. */
	context: FileId = MASTER_FILE;

	constructor(fs: FileSystem, memory: number) {
		this.#fs = fs;
		this.#memoryLeft = memory;
	}

	/** The kind of application that an ADF is. */
	applicationKind(id: FileId): ApplicationKind | undefined {
		return APPLICATION_FIELDS[fileOf(this.#fs, id).name];
	}

	/** @throws InstallationFailure, ProfileError PROFILE_FILE_INVALID */
	addTemplateFiles({ templateId, files }: FileElement): void {
		const template = templateOf(templateId);
		if (!template) throw new InstallationFailure("template-not-supported", `template ${templateId} is unknown`);
		const folders = new Map<string, FileId>();
		for (const row of template.files) {
			const steps = files.get(row.field);
			if (!this.#isCreated(template, row, steps)) continue;
			const image = fileImage(row.field, row, (steps ?? []).filter(isFileStep));
			const id = this.#add(row.field, image, this.#parentOf(template, row, folders));
			if (isDirectory(image.kind)) folders.set(row.field, id);
			this.#enter(row, id);
		}
	}

	/** A template whose files are created by default also makes those that the element leaves out, where it knows how. */
	#isCreated(template: ProfileTemplate, row: FileTemplate, steps: readonly object[] | undefined): boolean {
		const isComplete = isDirectory(row.kind) ? row.kind !== "adf" : row.size !== undefined;
		// The flag counts everywhere but in the MF (TCA, File.doNotCreate).
		if (steps?.some((step) => "doNotCreate" in step)) return template.element === "mf" && isComplete;
		return steps !== undefined || (template.isCreatedByDefault && isComplete);
	}

	#parentOf(template: ProfileTemplate, row: FileTemplate, folders: ReadonlyMap<string, FileId>): FileId {
		if (row.kind === "mf" || row.kind === "adf") return MASTER_FILE;
		if (row.folder !== undefined) {
			const folder = folders.get(row.folder);
			if (folder === undefined) throw new InstallationFailure("bad-values", `${row.field} without ${row.folder}`);
			return folder;
		}
		const base = template.files[0] as FileTemplate;
		const own = row === base ? undefined : folders.get(base.field);
		return own ?? this.#home(template.home);
	}

	#home(home: TemplateHome): FileId {
		if (home === "mf" || home === "self") return MASTER_FILE;
		if (home === "current") return this.context;
		const kind = APPLICATION_FIELDS[home] as ApplicationKind;
		const application = this.#applications.get(kind);
		if (application === undefined)
			throw new InstallationFailure("bad-values", `there is no ADF of a ${kind} before it`);
		return application;
	}

	/** Directories that PINs may belong to become the context of the elements behind. */
	#enter(row: FileTemplate, id: FileId): void {
		const kind = APPLICATION_FIELDS[row.field];
		if (kind) this.#applications.set(kind, id);
		if (kind || row.kind === "mf" || row.field === "df-telecom" || row.field === "df-cd") this.context = id;
	}

	/** PE-GenericFileManagement: a path, then files in that directory or contents of the file there. */
	manageFiles(commands: readonly FileManagement[]): void {
		let directory = MASTER_FILE;
		let pending: { target: FileId | Fcp; steps: FileStep[] } | undefined;
		const flush = () => {
			if (pending) this.#completeManaged(directory, pending.target, pending.steps);
			pending = undefined;
		};
		for (const step of commands.flat()) {
			if ("filePath" in step) {
				flush();
				const id = this.fileAt(step.filePath);
				if (isDirectory(fileOf(this.#fs, id).kind)) directory = id;
				else pending = { target: id, steps: [] };
			} else if ("createFCP" in step) {
				flush();
				pending = { target: step.createFCP, steps: [{ fileDescriptor: step.createFCP }] };
			} else if (pending) pending.steps.push(step);
			else throw new InstallationFailure("bad-values", "contents stand before any file");
		}
		flush();
	}

	#completeManaged(directory: FileId, target: FileId | Fcp, steps: readonly FileStep[]): void {
		if (typeof target === "number") this.#overwrite(target, steps);
		else if (target.fileID) {
			const name = nameOf(target.fileID);
			this.#add(name, fileImage(name, undefined, steps), directory);
		} else throw new InstallationFailure("bad-values", "a file is created without an identifier");
	}

	#overwrite(id: FileId, steps: readonly FileStep[]): void {
		const contents = contentsOf(this.#fs, id).slice();
		let at = 0;
		for (const step of steps) {
			if ("fillFileOffset" in step) at += step.fillFileOffset;
			else if ("fillFileContent" in step) {
				if (at + step.fillFileContent.length > contents.length) {
					throw new InstallationFailure("bad-values", `contents run over the end of ${fileOf(this.#fs, id).name}`);
				}
				contents.set(step.fillFileContent, at);
				at += step.fillFileContent.length;
			}
		}
		setContents(this.#fs, id, contents);
	}

	/** The file at a path as profile elements write it. */
	fileAt(octets: Uint8Array): FileId {
		const path = pathOf("filePath", octets);
		const id = fileAtPath(this.#fs, MASTER_FILE, path);
		if (id === undefined) throw new InstallationFailure("bad-values", `there is no file at ${hexPath(path)}`);
		return id;
	}

	#add(name: string, image: FileImage, parent: FileId): FileId {
		const { files, contents } = this.#fs;
		const { fid } = image;
		if (fid === undefined) throw new InstallationFailure("bad-values", `${name} has no identifier`);
		if ((files.length === 0) !== (image.kind === "mf")) {
			throw new InstallationFailure("bad-values", files.length === 0 ? "the MF must come first" : "a second MF");
		}
		if (image.kind !== "mf" && childByFid(this.#fs, parent, fid) !== undefined) {
			throw new InstallationFailure("bad-values", `${name}: identifier ${hexPath([fid])} is taken in its directory`);
		}
		const id = files.length;
		const link = image.linkPath && this.#linkTarget(name, image);
		this.#take(image, link);
		files.push(cardFile(name, image, fid, parent, link));
		if (!isDirectory(image.kind) && link === undefined) contents[id] = image.contents;
		return id;
	}

	#linkTarget(name: string, image: FileImage): FileId {
		const path = image.linkPath ?? [];
		const target = fileAtPath(this.#fs, MASTER_FILE, path);
		const file = target === undefined ? undefined : fileOf(this.#fs, target);
		if (target === undefined || !file) {
			throw new InstallationFailure("bad-values", `${name} is linked to ${hexPath(path)}, where no file is`);
		}
		if (isDirectory(file.kind) !== isDirectory(image.kind)) {
			throw new InstallationFailure("bad-values", `${name} is linked to a file of another kind`);
		}
		return file.link ?? target;
	}

	#take(image: FileImage, link: FileId | undefined): void {
		if (link !== undefined) return;
		this.#memoryLeft -= Math.max(image.contents.length, image.maximumSize ?? 0);
		if (this.#memoryLeft < 0)
			throw new InstallationFailure("not-enough-memory", "the files need more memory than is left");
	}
}

function cardFile(name: string, image: FileImage, fid: number, parent: FileId, link: FileId | undefined): CardFile {
	const { kind, isShareable, lifeCycle, accessRule, specialInformation } = image;
	return {
		name,
		kind,
		fid,
		parent,
		isShareable,
		lifeCycle,
		accessRule,
		specialInformation,
		size: kind === "ber-tlv" ? (image.maximumSize ?? image.contents.length) : image.contents.length,
		...(image.aid && { aid: image.aid }),
		...(image.shortFileId !== undefined && { shortFileId: image.shortFileId }),
		...(image.recordLength !== undefined && { recordLength: image.recordLength }),
		...(image.pinReferences && { pinReferences: image.pinReferences }),
		...(link !== undefined && { link }),
	};
}

function nameOf(fid: Uint8Array): string {
	return hexPath([(fid[0] as number) * 256 + (fid[1] as number)]);
}

function hexPath(path: readonly number[]): string {
	return path.map((fid) => fid.toString(16).toUpperCase().padStart(4, "0")).join("/") || "3F00";
}
