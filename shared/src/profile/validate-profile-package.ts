/** Rules that a profile package keeps as a whole (TCA profile package, sections 4 to 8). */

import { Iccid } from "../ids/iccid.ts";
import { AlgorithmIdCode } from "../messages/pe/aka.ts";
import type { ProfileHeader } from "../messages/pe/profile-header.ts";
import { toHex } from "../util/bytes.ts";
import { EsimError } from "../util/errors.ts";
import { fileImage } from "./file-image.ts";
import {
	contentsOf,
	type ElementKind,
	fileElementOf,
	headerOf,
	type PackageElement,
	type ProfilePackage,
} from "./profile-package.ts";
import { headerIccid, isFileStep, subscriberOf } from "./subscriber.ts";
import { fileTemplateOf, templateOf } from "./templates/registry.ts";

/** One broken rule. An "error" keeps a card from installing or using the profile, a "warning" does not. */
export interface Finding {
	readonly severity: "error" | "warning";
	/** Stable name of the rule. */
	readonly rule: FindingRule;
	readonly message: string;
	/** Position of the element in the package, from 0; absent for the package as a whole. */
	readonly element?: number;
}

export type FindingRule =
	| "header-first"
	| "end-last"
	| "identification-unique"
	| "element-once"
	| "element-order"
	| "element-unknown"
	| "service-without-element"
	| "service-not-declared"
	| "template-unknown"
	| "template-not-declared"
	| "template-element-mismatch"
	| "file-invalid"
	| "pin-without-puk"
	| "iccid-invalid"
	| "iccid-mismatch"
	| "subscriber-missing"
	| "security-domain-missing";

/** Checks a package and gives all findings, the most basic first; an empty list is a package without fault. */
export function validateProfilePackage(profile: ProfilePackage): Finding[] {
	return [
		...frameFindings(profile),
		...orderFindings(profile),
		...headerFindings(profile),
		...fileFindings(profile),
		...securityFindings(profile),
		...subscriberFindings(profile),
	];
}

const error = (rule: FindingRule, message: string, element?: number): Finding => ({
	severity: "error",
	rule,
	message,
	...(element !== undefined && { element }),
});
const warning = (rule: FindingRule, message: string, element?: number): Finding => ({
	...error(rule, message, element),
	severity: "warning",
});

function frameFindings({ elements }: ProfilePackage): Finding[] {
	const findings: Finding[] = [];
	const last = elements.length - 1;
	for (const [i, { kind }] of elements.entries()) {
		if ((kind === "header") !== (i === 0)) {
			findings.push(error("header-first", i === 0 ? `it begins with ${kind}` : "a second header", i));
		}
		if ((kind === "end") !== (i === last)) {
			findings.push(error("end-last", i === last ? `it stops with ${kind}` : "elements follow the end", i));
		}
		if (kind === "unknown") findings.push(warning("element-unknown", "an element of a later version", i));
	}
	const seen = new Map<number, number>();
	for (const [i, { identification }] of elements.entries()) {
		if (identification === undefined) continue;
		const before = seen.get(identification);
		if (before !== undefined) {
			findings.push(error("identification-unique", `number ${identification} is also that of element ${before}`, i));
		}
		seen.set(identification, i);
	}
	return findings;
}

/** Kinds that may stand in a package once, unless the service in the second column allows more. */
const ONCE: readonly (readonly [ElementKind, keyof ProfileHeader["eUICC-Mandatory-services"] | undefined])[] = [
	["mf", undefined],
	["cd", undefined],
	["telecom", undefined],
	["iot", undefined],
	["usim", "multiple-usim"],
	["isim", "multiple-isim"],
	["csim", "multiple-csim"],
];

/** What must stand somewhere before an element of a kind. */
const NEEDS: readonly (readonly [ElementKind, readonly ElementKind[]])[] = [
	["cd", ["mf"]],
	["telecom", ["mf"]],
	["usim", ["mf"]],
	["isim", ["mf"]],
	["csim", ["mf"]],
	["pinCodes", ["mf", "iot"]],
	["genericFileManagement", ["mf", "iot"]],
	["opt-usim", ["usim"]],
	["phonebook", ["usim"]],
	["gsm-access", ["usim"]],
	["df-5gs", ["usim"]],
	["df-saip", ["usim"]],
	["df-snpn", ["usim"]],
	["df-5gprose", ["usim"]],
	["opt-isim", ["isim"]],
	["opt-csim", ["csim"]],
	["opt-iot", ["iot"]],
	["eap", ["usim", "isim", "csim"]],
	["akaParameter", ["usim", "isim", "iot"]],
	["cdmaParameter", ["csim"]],
];

function orderFindings(profile: ProfilePackage): Finding[] {
	const kinds = profile.elements.map(({ kind }) => kind);
	const services = headerOf(profile)?.["eUICC-Mandatory-services"] ?? {};
	const findings: Finding[] = [];
	for (const [kind, service] of ONCE) {
		const second = kinds.indexOf(kind, kinds.indexOf(kind) + 1);
		const isAllowed = service !== undefined && service in services;
		if (kinds.includes(kind) && second > 0 && !isAllowed)
			findings.push(error("element-once", `a second ${kind}`, second));
	}
	for (const [i, kind] of kinds.entries()) {
		const needed = NEEDS.find(([needing]) => needing === kind)?.[1];
		if (needed && !kinds.slice(0, i).some((before) => needed.includes(before))) {
			findings.push(error("element-order", `${kind} stands before any ${needed.join(" or ")}`, i));
		}
	}
	return findings;
}

/** Services of the header that only make sense with such an element. */
const SERVICE_ELEMENTS: Readonly<Record<string, ElementKind>> = {
	usim: "usim",
	isim: "isim",
	csim: "csim",
	"gba-usim": "usim",
	"gba-isim": "isim",
	"multiple-usim": "usim",
	"multiple-isim": "isim",
	"multiple-csim": "csim",
	cave: "cdmaParameter",
	eap: "eap",
};

function headerFindings(profile: ProfilePackage): Finding[] {
	const header = headerOf(profile);
	if (!header) return [];
	const services = Object.keys(header["eUICC-Mandatory-services"]);
	const kinds = new Set(profile.elements.map(({ kind }) => kind));
	const findings = services
		.filter((service) => isServiceMissing(service, kinds))
		.map((service) => error("service-without-element", `service ${service} without ${SERVICE_ELEMENTS[service]}`, 0));
	const used = new Set(profile.elements.flatMap((element) => algorithmServices(element)));
	for (const service of ["milenage", "tuak128", "tuak256", "usim-test-algorithm"]) {
		if (services.includes(service) && !used.has(service)) {
			findings.push(error("service-without-element", `service ${service} without keys for it`, 0));
		} else if (!services.includes(service) && used.has(service)) {
			findings.push(warning("service-not-declared", `keys for ${service}, which the header does not demand`, 0));
		}
	}
	if (!Iccid.is(toHex(header.iccid).replace(/F$/, ""))) {
		findings.push(error("iccid-invalid", `the header's ICCID ${toHex(header.iccid)} is none`, 0));
	}
	return findings;
}

function isServiceMissing(service: string, kinds: ReadonlySet<ElementKind>): boolean {
	const kind = SERVICE_ELEMENTS[service];
	if (kind === undefined) return false;
	return !kinds.has(kind) && !(service === "usim" && kinds.has("iot"));
}

function algorithmServices(element: PackageElement): string[] {
	const configuration = contentsOf(element, "akaParameter")?.algoConfiguration;
	if (!configuration || !("algoParameter" in configuration)) return [];
	const { algorithmID, key } = configuration.algoParameter;
	if (algorithmID === AlgorithmIdCode.milenage) return ["milenage"];
	if (algorithmID === AlgorithmIdCode.tuak) return [key.length === 32 ? "tuak256" : "tuak128"];
	return algorithmID === AlgorithmIdCode["usim-test-algorithm"] ? ["usim-test-algorithm"] : [];
}

function fileFindings(profile: ProfilePackage): Finding[] {
	const declared = headerOf(profile)?.["eUICC-Mandatory-GFSTEList"] ?? [];
	return profile.elements.flatMap((element, i) => {
		const files = fileElementOf(element);
		if (!files) return [];
		const { templateId } = files;
		const template = templateOf(templateId);
		if (!template) return [error("template-unknown", `template ${templateId} of ${element.kind}`, i)];
		const findings: Finding[] = [];
		if (template.element !== element.kind) {
			findings.push(error("template-element-mismatch", `${element.kind} names the template of ${template.element}`, i));
		}
		if (!declared.includes(templateId)) {
			findings.push(warning("template-not-declared", `template ${templateId} is not in the header's list`, i));
		}
		for (const [field, steps] of files.files) {
			const reason = refusal(() => fileImage(field, fileTemplateOf(template, field), steps.filter(isFileStep)));
			const isLeftOut = steps.some((step) => "doNotCreate" in step);
			if (reason !== undefined && !isLeftOut) findings.push(error("file-invalid", reason, i));
		}
		return findings;
	});
}

function refusal(action: () => unknown): string | undefined {
	try {
		action();
		return undefined;
	} catch (cause) {
		if (cause instanceof EsimError) return cause.message;
		throw cause;
	}
}

function securityFindings(profile: ProfilePackage): Finding[] {
	const findings: Finding[] = [];
	const puks = new Set<number>();
	for (const [i, element] of profile.elements.entries()) {
		for (const puk of contentsOf(element, "pukCodes")?.pukCodes ?? []) puks.add(puk.keyReference);
		const pins = contentsOf(element, "pinCodes")?.pinCodes;
		if (!pins || !("pinconfig" in pins)) continue;
		for (const { keyReference, unblockingPINReference: puk } of pins.pinconfig) {
			if (puk !== undefined && !puks.has(puk)) {
				findings.push(error("pin-without-puk", `PIN ${keyReference} names PUK ${puk}, which is not defined before`, i));
			}
		}
	}
	if (!profile.elements.some(({ kind }) => kind === "securityDomain")) {
		findings.push(warning("security-domain-missing", "there is no security domain of the operator"));
	}
	return findings;
}

function subscriberFindings(profile: ProfilePackage): Finding[] {
	const header = headerOf(profile);
	const kinds = profile.elements.map(({ kind }) => kind);
	if (!header || (!kinds.includes("usim") && !kinds.includes("iot"))) return [];
	const findings: Finding[] = [];
	const reason = refusal(() => subscriberOf(profile));
	if (reason !== undefined) findings.push(error("subscriber-missing", reason));
	const inFile = fileIccid(profile);
	const inHeader = refusal(() => headerIccid(header.iccid)) === undefined ? headerIccid(header.iccid) : undefined;
	if (inFile !== undefined && inHeader !== undefined && inFile !== inHeader) {
		findings.push(warning("iccid-mismatch", `EF.ICCID holds ${inFile}, the header ${inHeader}`));
	}
	return findings;
}

/** Digits of EF.ICCID as the package fills it. */
function fileIccid(profile: ProfilePackage): Iccid | undefined {
	for (const element of profile.elements) {
		const files = fileElementOf(element);
		const steps = files?.files.get("ef-iccid");
		const template = files && templateOf(files.templateId);
		if (!steps || !template) continue;
		try {
			const image = fileImage("ef-iccid", fileTemplateOf(template, "ef-iccid"), steps.filter(isFileStep));
			return Iccid.fromBytes(image.contents);
		} catch {
			// Another rule tells of files that cannot be read.
			return undefined;
		}
	}
	return undefined;
}
