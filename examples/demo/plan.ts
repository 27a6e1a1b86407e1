import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { subscriberOf } from "@iot-esim/shared/profile/subscriber";
import { freePorts } from "./free-ports.ts";

export type DemoCurve = "P-256" | "brainpool";

/** What carries messages between device and eIM. */
export const TRANSPORTS = ["https", "coap", "coaps+tcp", "mqtt"] as const;
export type DemoTransport = (typeof TRANSPORTS)[number];

export function isTransport(text: string): text is DemoTransport {
	return (TRANSPORTS as readonly string[]).includes(text);
}

/** A profile of the demo: its package and what the network must see of it. */
export interface DemoProfile {
	readonly label: string;
	readonly file: string;
	readonly iccid: string;
	readonly imsi: string;
	readonly plmn: string;
}

const PORTS = [
	"smdp",
	"smdpBench",
	"smds",
	"smdsBench",
	"esipa",
	"api",
	"control",
	"card",
	"ipa",
	"proxy",
	"broker",
	"coap",
	"udp",
] as const;

/** Everything that is fixed before the first process starts: names, ports, folders, profiles. */
export interface DemoPlan {
	readonly folder: string;
	readonly curve: DemoCurve;
	readonly transport: DemoTransport;
	readonly eid: string;
	readonly smdpName: string;
	readonly smdsName: string;
	readonly eimName: string;
	readonly ports: Readonly<Record<(typeof PORTS)[number], number>>;
	/** Ports of relays that tests put in front of a part; its clients then go there instead. */
	readonly detours?: Readonly<Partial<Record<"smdp" | "esipa" | "ipa", number>>>;
	/** How long the IPA waits for the eIM after a switch before it rolls back. */
	readonly rollbackAfter: string;
	/** What the card leaves the factory with. */
	readonly bootstrap: DemoProfile;
	/** The operator that the device is moved to. */
	readonly target: DemoProfile;
	/** An operator without coverage where the device is. */
	readonly unreachable: DemoProfile;
	/** What the device fetches by itself, when asked for. */
	readonly direct: DemoProfile;
}

const BOOTSTRAP = {
	iccid: "8900101000000000015",
	imsi: "001019000000001",
	serviceProvider: "Factory",
	profileName: "Bootstrap",
	algorithm: "milenage",
	ki: "465B5CE8B199B49FAA5F0A2EE238A6BC",
	op: "CDC202D5123E20F62B6D676AC72CB318",
};
const TARGET = {
	iccid: "8900102000000000023",
	imsi: "001020000000002",
	serviceProvider: "Testland Two",
	profileName: "Fleet",
	algorithm: "milenage",
	ki: "0396EB317B6D1C36F19C1C84CD6FFD16",
	opc: "53C15671C60A4B731C55B4A441C0BDE2",
	notifications: [{ address: "smdp.example.com", events: ["install", "enable", "disable", "delete"] }],
};
const UNREACHABLE = {
	iccid: "8900103000000000039",
	imsi: "001030000000003",
	serviceProvider: "Nowhere Mobile",
	profileName: "No coverage",
	algorithm: "tuak",
	ki: "ABABABABABABABABABABABABABABABAB",
	op: "5555555555555555555555555555555555555555555555555555555555555555",
	notifications: [{ address: "smdp.example.com", events: ["install", "enable", "disable", "delete"] }],
};
const DIRECT = {
	iccid: "8900102000000000049",
	imsi: "001020000000004",
	serviceProvider: "Testland Two",
	profileName: "Direct",
	algorithm: "milenage",
	ki: "FEC86BA6EB707ED08905757B1BB44B8F",
	opc: "1006020F0A478BF6B699F15C062E42B3",
	notifications: [{ address: "smdp.example.com", events: ["install", "enable", "disable", "delete"] }],
};

export interface PlanOptions {
	readonly folder: string;
	readonly curve: DemoCurve;
	/** HTTPS when absent. */
	readonly transport?: DemoTransport;
	/** A profile package (UPP, DER) to download instead of the demo's own. */
	readonly profileFile?: string | undefined;
}

/** Takes free ports, writes the profile packages and says what goes where. */
export async function makePlan({ folder, curve, transport = "https", profileFile }: PlanOptions): Promise<DemoPlan> {
	for (const sub of ["logs", "upp", "trust"]) mkdirSync(path.join(folder, sub), { recursive: true });
	const free = await freePorts(PORTS.length);
	const ports = Object.fromEntries(PORTS.map((name, at) => [name, free[at]])) as DemoPlan["ports"];
	return {
		folder,
		curve,
		transport,
		eid: "89049032123451234512345678901235",
		smdpName: "smdp.example.com",
		smdsName: "smds.example.com",
		eimName: "eim.example.com",
		ports,
		rollbackAfter: "6s",
		bootstrap: writeProfile(folder, "bootstrap", buildProfilePackage(BOOTSTRAP)),
		target: writeProfile(folder, "target", profileFile ? readProfile(profileFile) : buildProfilePackage(TARGET)),
		unreachable: writeProfile(folder, "unreachable", buildProfilePackage(UNREACHABLE)),
		direct: writeProfile(folder, "direct", buildProfilePackage(DIRECT)),
	};
}

/** A profile package from outside, known to be one before anything starts. */
function readProfile(file: string): Uint8Array {
	const failed = (what: string, cause: unknown) => {
		const { message, code } = cause as NodeJS.ErrnoException;
		const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
		return new Error(`--profile ${file} ${what}: ${why}`, { cause });
	};
	let upp: Uint8Array;
	try {
		upp = new Uint8Array(readFileSync(file));
	} catch (error) {
		throw failed("cannot be read", error);
	}
	try {
		subscriberOf(parseProfilePackage(upp));
	} catch (error) {
		throw failed("is not a profile package in DER that a network can authenticate", error);
	}
	return upp;
}

function writeProfile(folder: string, label: string, upp: Uint8Array): DemoProfile {
	const file = path.join(folder, "upp", `${label}.der`);
	writeFileSync(file, upp);
	const { iccid, imsi } = subscriberOf(parseProfilePackage(upp));
	return { label, file, iccid, imsi, plmn: imsi.slice(0, 5) };
}
