/** Turns a profile package into the files of a card, element by element (TCA profile package, section 8). */

import type { PeAkaParameter } from "@iot-esim/shared/messages/pe/aka";
import type { PePinCodes, PePukCodes } from "@iot-esim/shared/messages/pe/pin";
import type { ProfileHeader, ServicesList } from "@iot-esim/shared/messages/pe/profile-header";
import { ProfileError } from "@iot-esim/shared/profile/errors";
import {
	type FileElement,
	fileElementOf,
	type PackageElement,
	type ProfilePackage,
} from "@iot-esim/shared/profile/profile-package";
import { templateOf } from "@iot-esim/shared/profile/templates/registry";
import { equalBytes, toHex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { networkAuthentication } from "../usim/network-authentication.ts";
import { type FileSystem, MASTER_FILE, type PinState } from "./file-system.ts";
import { FileTreeBuilder } from "./file-tree-builder.ts";
import { InstallationFailure, type PeStatusName } from "./installation-failure.ts";
import { DEFAULT_LIMITS, type InstallationLimits } from "./installation-limits.ts";
import { iotDefaults } from "./iot-defaults.ts";
import { clearUnsupportedServices } from "./service-tables.ts";

/** The element that failed, in the words of PEStatus. */
export interface ElementFailure {
	readonly status: PeStatusName;
	/** Number of the element; absent for the header and for what the whole package lacks. */
	readonly identification?: number;
	/** Why, for people. */
	readonly message: string;
}

export type InstallationOutcome = { readonly fileSystem: FileSystem } | { readonly failure: ElementFailure };

/** Installs every element of a package, or tells which one failed. */
export function installFileSystem(
	profile: ProfilePackage,
	limits: InstallationLimits = DEFAULT_LIMITS,
): InstallationOutcome {
	const installer = new Installer(limits);
	for (const [i, element] of profile.elements.entries()) {
		try {
			installer.install(element, i === 0, i === profile.elements.length - 1);
		} catch (error) {
			return { failure: failureOf(error, element) };
		}
	}
	clearUnsupportedServices(installer.fileSystem, limits.services);
	return { fileSystem: installer.fileSystem };
}

function failureOf(error: unknown, { identification }: PackageElement): ElementFailure {
	if (!(error instanceof EsimError) && !(error instanceof InstallationFailure)) throw error;
	// A wrong file is "bad values"; keys that no algorithm takes are a wrong parameter.
	const fallback = error instanceof ProfileError ? "bad-values" : "invalid-parameter";
	const status = error instanceof InstallationFailure ? error.status : fallback;
	return { status, message: error.message, ...(identification !== undefined && { identification }) };
}

class Installer {
	readonly fileSystem: FileSystem = {
		files: [],
		contents: {},
		security: { pins: [], puks: [], byDirectory: {} },
		authentication: { byApplication: {}, keys: [] },
	};
	readonly #limits: InstallationLimits;
	readonly #tree: FileTreeBuilder;
	#header: ProfileHeader | undefined;

	constructor(limits: InstallationLimits) {
		this.#limits = limits;
		this.#tree = new FileTreeBuilder(this.fileSystem, limits.memory);
	}

	install(element: PackageElement, isFirst: boolean, isLast: boolean): void {
		const { kind } = element;
		if ((kind === "header") !== isFirst) {
			throw new InstallationFailure("bad-values", isFirst ? "the first element is no header" : "a second header");
		}
		if ((kind === "end") !== isLast) {
			throw new InstallationFailure(
				"bad-values",
				isLast ? "the last element is not the end" : "elements behind the end",
			);
		}
		const files = fileElementOf(element);
		if (files) this.#tree.addTemplateFiles(kind === "iot" ? this.#withIotDefaults(files) : files);
		else this.#installOther(element);
	}

	#installOther(element: PackageElement): void {
		const { value, kind, isMandated } = element;
		if (value && "header" in value) this.#checkHeader(value.header);
		else if (value && "genericFileManagement" in value) {
			this.#tree.manageFiles(value.genericFileManagement.fileManagementCMD);
		} else if (value && "pinCodes" in value) this.#addPins(value.pinCodes);
		else if (value && "pukCodes" in value) this.#addPuks(value.pukCodes);
		else if (value && "akaParameter" in value) this.#addAuthentication(value.akaParameter);
		else if (!CARRIED_WITHOUT_EFFECT.has(kind) && isMandated) {
			throw new InstallationFailure("pe-not-supported", `elements of kind ${kind} are not supported`);
		}
	}

	#withIotDefaults(element: FileElement): FileElement {
		const defaults = this.#header ? iotDefaults(this.#header) : [];
		return { ...element, files: new Map([...defaults, ...element.files]) };
	}

	#checkHeader(header: ProfileHeader): void {
		this.#header = header;
		const version = header["major-version"];
		if (!this.#limits.majorVersions.includes(version)) {
			throw new InstallationFailure("unsupported-profile-version", `version ${version}.${header["minor-version"]}`);
		}
		for (const service of Object.keys(header["eUICC-Mandatory-services"]) as (keyof ServicesList)[]) {
			if (this.#limits.services.has(service)) continue;
			const status = service === "javacard" || service === "multos" ? "runtime-not-supported" : "feature-not-supported";
			throw new InstallationFailure(status, `mandatory service ${service} is not supported`);
		}
		const unknown = header["eUICC-Mandatory-GFSTEList"].find((oid) => !templateOf(oid));
		if (unknown !== undefined) throw new InstallationFailure("template-not-supported", `template ${unknown}`);
		if ((header["eUICC-Mandatory-AIDs"] ?? []).length > 0) {
			throw new InstallationFailure("lib-not-supported", "mandatory libraries are not there");
		}
	}

	#addPuks({ pukCodes }: PePukCodes): void {
		for (const puk of pukCodes) {
			const { maxTries, triesLeft } = triesOf(puk["maxNumOfAttemps-retryNumLeft"] ?? 0xaa);
			this.fileSystem.security.puks.push({ keyReference: puk.keyReference, value: puk.pukValue, maxTries, triesLeft });
		}
	}

	/** Global references (below 80) belong to the MF, all others to the directory before. */
	#addPins({ pinCodes }: PePinCodes): void {
		const { security } = this.fileSystem;
		if (this.fileSystem.files.length === 0) throw new InstallationFailure("bad-values", "PINs stand before the MF");
		if ("filePath" in pinCodes) {
			const shared = security.byDirectory[this.#tree.fileAt(pinCodes.filePath)];
			if (!shared) throw new InstallationFailure("pin-code-missing", "the directory whose PINs are shared has none");
			security.byDirectory[this.#tree.context] = { ...security.byDirectory[this.#tree.context], ...shared };
			return;
		}
		for (const configuration of pinCodes.pinconfig) {
			const directory = configuration.keyReference < 0x80 ? MASTER_FILE : this.#tree.context;
			const own = security.byDirectory[directory] ?? {};
			if (own[configuration.keyReference] !== undefined) {
				throw new InstallationFailure("bad-values", `PIN ${configuration.keyReference} is defined twice`);
			}
			security.byDirectory[directory] = { ...own, [configuration.keyReference]: security.pins.length };
			security.pins.push(this.#pinState(configuration));
		}
	}

	#pinState(configuration: PinConfiguration): PinState {
		const { keyReference, pinValue, unblockingPINReference, pinAttributes = 7 } = configuration;
		const unblockedBy = this.fileSystem.security.puks.findIndex((puk) => puk.keyReference === unblockingPINReference);
		if (unblockingPINReference !== undefined && unblockedBy < 0) {
			throw new InstallationFailure("pin-code-missing", `PUK ${unblockingPINReference} of PIN ${keyReference}`);
		}
		return {
			keyReference,
			value: pinValue,
			isEnabled: (pinAttributes & 1) !== 0,
			isChangeable: (pinAttributes & 2) !== 0,
			isSwitchable: (pinAttributes & 4) !== 0,
			...triesOf(configuration["maxNumOfAttemps-retryNumLeft"] ?? 0x33),
			...(unblockedBy >= 0 && { unblockedBy }),
		};
	}

	#addAuthentication(aka: PeAkaParameter): void {
		const { authentication, files } = this.fileSystem;
		const application = this.#tree.context;
		const kind = application === MASTER_FILE ? undefined : this.#tree.applicationKind(application);
		if (kind !== "usim" && kind !== "isim") {
			throw new InstallationFailure("bad-values", "authentication parameters do not follow a USIM or ISIM");
		}
		const configuration = aka.algoConfiguration;
		if ("algoParameter" in configuration) {
			authentication.byApplication[application] = authentication.keys.length;
			authentication.keys.push(networkAuthentication(aka, configuration.algoParameter));
			return;
		}
		const { mappingSource } = configuration.mappingParameter;
		const mapped = files.findIndex((file) => file.aid && equalBytes(file.aid, mappingSource));
		const index = authentication.byApplication[mapped];
		if (index === undefined) {
			throw new InstallationFailure("bad-values", `${toHex(mappingSource)} has no authentication parameters to share`);
		}
		authentication.byApplication[application] = index;
	}
}

type PinConfiguration = Extract<PePinCodes["pinCodes"], { pinconfig: unknown }>["pinconfig"][number];

/** Elements whose effect nobody can see from outside of this card: remote management, CDMA keys. */
const CARRIED_WITHOUT_EFFECT: ReadonlySet<string> = new Set(["end", "securityDomain", "rfm", "cdmaParameter"]);

function triesOf(octet: number): { maxTries: number; triesLeft: number } {
	return { maxTries: octet >> 4, triesLeft: octet & 0x0f };
}
