import type { Eid } from "@iot-esim/shared/ids/eid";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { BodyStore } from "@iot-esim/shared/transport/coap/body-store";
import type { CoapReply, CoapRequest } from "@iot-esim/shared/transport/coap/coap-face";
import { CODE } from "@iot-esim/shared/transport/coap/code";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { type CoapTiming, RFC_TIMING } from "@iot-esim/shared/transport/coap/timing";
import type { DatagramPath } from "@iot-esim/shared/transport/datagram";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds } from "@iot-esim/shared/util/duration";
import { refusal } from "../coap.ts";
import { LARGEST_ESIPA_REQUEST } from "../http-asn1.ts";
import { DeviceSession, type SessionDeps, unreachable } from "./device-session.ts";
import { isOwnName, provenNames } from "./endpoint-identity.ts";
import { FORMAT, octetsOfResource, RESOURCE } from "./esipa-object.ts";
import { type RegistrationRequest, readRegistration } from "./registration-request.ts";
import { Registrations } from "./registrations.ts";

export interface Lwm2mServerOptions extends SessionDeps {
	readonly random: RandomSource;
	/** The EID that an endpoint name stands for; undefined for a name that stands for none. */
	readonly eidOf: (endpoint: string) => Promise<Eid | undefined>;
	/** LAB ONLY: a name is enough where nobody has proven anything. */
	readonly takesUnproven?: boolean;
	readonly maxRegistrations: number;
	/** Largest block, as its exponent: 6 for 1024 octets. */
	readonly blockExponent: number;
	readonly timing?: Partial<CoapTiming>;
	/** A device has registered, or renewed its registration: it is awake. */
	readonly onAwake: (eid: Eid) => void;
}

type Request = CoapRequest & { readonly payload: Uint8Array };

/** Octets of bodies under way of all devices. */
const MAX_BODIES = 32 * 1024 * 1024;
const MAX_REQUESTS = 256;
/** SenML in JSON makes three octets four. */
const LARGEST_BODY = 2 * LARGEST_ESIPA_REQUEST;
/** Seconds after which a device that found no room comes again. */
const COME_AGAIN = 600;

/**
 * An LwM2M server of version 1.0 and 1.1 for one object: the interfaces of registration and of reporting (Core sections
 * 6.2 and 6.4), and of device management what that object needs. Registrations are of this process alone, since only it
 * has the path to the device.
 */
export class Lwm2mServer {
	readonly #options: Lwm2mServerOptions;
	readonly #registrations: Registrations<DeviceSession>;
	readonly #byPath = new Map<CoapEndpoint, DeviceSession>();
	readonly #paths = new Set<CoapEndpoint>();
	readonly #bodies: BodyStore;
	readonly #load = { active: 0, max: MAX_REQUESTS };

	constructor(options: Lwm2mServerOptions) {
		const { clock, maxRegistrations, log, timing } = options;
		this.#options = options;
		const lifetime = timing?.exchangeLifetime ?? RFC_TIMING.exchangeLifetime;
		this.#bodies = new BodyStore({ clock, lifetime, maxOctets: MAX_BODIES });
		this.#registrations = new Registrations({
			clock,
			max: maxRegistrations,
			onEnd: (session) => {
				if (session.path !== undefined && this.#byPath.get(session.path) === session) this.#byPath.delete(session.path);
				session.end();
				log.info("device no longer registered", { eid: session.eid, endpoint: session.endpoint });
			},
		});
	}

	get registered(): number {
		return this.#registrations.size;
	}

	accept(path: DatagramPath): void {
		const { clock, random, timing, blockExponent, log } = this.#options;
		const channel = new DatagramChannel(path, { clock, random, blockExponent, ...(timing && { timing }) });
		const onClosed = () => this.#closed(endpoint);
		const endpoint: CoapEndpoint = new CoapEndpoint(
			channel,
			{ clock, random, onClosed },
			{
				handler: (request) => this.#answer(request, endpoint),
				random,
				bodies: this.#bodies,
				maxBody: LARGEST_BODY,
				load: this.#load,
				onError: (error) => log.error("request failed", { error }),
			},
		);
		this.#paths.add(endpoint);
	}

	/**
	 * One TransferEimPackageRequest (BF4E) to a device; the whole answer.
	 * @throws InjectError
	 */
	async transfer(message: Uint8Array, eid: Eid): Promise<Uint8Array> {
		const session = this.#registrations.ofEid(eid);
		if (session === undefined) throw unreachable(eid, "it is not registered here");
		return session.transfer(message);
	}

	/** Whether what is sent to a device is heard now. */
	isReachable(eid: string): boolean {
		return this.#registrations.ofEid(eid)?.isReachable ?? false;
	}

	/**
	 * Tells a device that something waits for it, where it hears that.
	 * @returns false where it has something else to do just now
	 */
	async wake(eid: string): Promise<boolean> {
		return (await this.#registrations.ofEid(eid)?.wake()) ?? true;
	}

	close(): void {
		this.#registrations.close();
		for (const path of [...this.#paths]) path.close();
	}

	#closed(endpoint: CoapEndpoint): void {
		this.#paths.delete(endpoint);
		const session = this.#byPath.get(endpoint);
		this.#byPath.delete(endpoint);
		if (session?.path === endpoint) session.path = undefined;
	}

	#answer(request: Request, from: CoapEndpoint): Promise<CoapReply> | CoapReply {
		const [root, id, ...more] = request.path;
		const { method } = request;
		if (root === "dp" && id === undefined) {
			return method === "POST" ? this.#send(request, from) : refusal(CODE.methodNotAllowed, "Send is a POST");
		}
		if (root !== "rd" || more.length > 0) return refusal(CODE.notFound, "an LwM2M server has /rd and /dp");
		if (id === undefined) {
			return method === "POST"
				? this.#register(request, from)
				: refusal(CODE.methodNotAllowed, "devices register by POST");
		}
		const session = this.#ownSession(id, from);
		// Nobody learns of the registrations of others.
		if (session === undefined) return refusal(CODE.notFound, "not registered here: register");
		if (method === "DELETE") {
			this.#registrations.remove(id);
			return { code: "2.02" };
		}
		if (method === "POST" || method === "PUT") return this.#update(request, session, from);
		return refusal(CODE.methodNotAllowed, "a registration is renewed by POST and ended by DELETE");
	}

	async #register({ query = [], payload }: Request, from: CoapEndpoint): Promise<CoapReply> {
		const { eidOf, log } = this.#options;
		const asked = readRegistration(query, payload);
		if (typeof asked === "string") return refusal(CODE.badRequest, asked);
		const refused = refusedVersion(asked);
		if (refused !== undefined) return refused;
		const names = this.#namesOf(from);
		const endpoint = asked.endpoint ?? names?.[0];
		if (endpoint === undefined) return refusal(CODE.badRequest, "ep is missing, and no key or certificate says it");
		const eid = await eidOf(endpoint);
		if (eid === undefined) {
			log.warn("endpoint without an EID", { endpoint });
			return refusal("4.03", "no EID is known for this endpoint name");
		}
		if (names !== undefined && !isOwnName(names, endpoint, eid)) {
			log.warn("registration in the name of another device", { endpoint, eid, names });
			return refusal("4.03", "the endpoint name is not that of the key or certificate");
		}
		const lastNumber = this.#registrations.ofEid(eid)?.lastNumber ?? this.#options.random.bytes(1)[0] ?? 0;
		const session = new DeviceSession({ id: this.#newId(), endpoint, eid, asked, lastNumber }, this.#options);
		if (!this.#registrations.add(session)) return { ...refusal(CODE.serviceUnavailable, "full"), maxAge: COME_AGAIN };
		log.info("device registered", { eid, endpoint, remoteAddress: from.remoteAddress, lifetime: session.lifetime });
		this.#awake(session, from);
		return { code: CODE.created, location: ["rd", session.id] };
	}

	#update({ query = [], payload }: Request, session: DeviceSession, from: CoapEndpoint): CoapReply {
		const asked = readRegistration(query, payload);
		if (typeof asked === "string") return refusal(CODE.badRequest, asked);
		session.update(asked);
		this.#registrations.renew(session.id, session.lifetime);
		this.#awake(session, from);
		return { code: CODE.changed };
	}

	/** A message that the device sends without being asked, LwM2M 1.1 (Core section 6.4.5). */
	#send({ contentFormat, payload }: Request, from: CoapEndpoint): CoapReply {
		const session = this.#byPath.get(from);
		if (session === undefined) return refusal(CODE.notFound, "not registered here: register");
		if (contentFormat !== FORMAT.senmlCbor && contentFormat !== FORMAT.senmlJson) {
			return refusal(CODE.unsupportedContentFormat, "Send comes as SenML in CBOR or JSON");
		}
		const { objectId } = this.#options;
		const resource = { objectId, instanceId: session.instanceId ?? 0, resourceId: RESOURCE.fromDevice };
		const message = octetsOfResource(payload, contentFormat, resource);
		if (message === undefined) return refusal(CODE.badRequest, `no octets of /${Object.values(resource).join("/")}`);
		this.#afterAnswer(() => session.take(message));
		return { code: CODE.changed };
	}

	/** Of few octets, since it comes with every update. */
	#newId(): string {
		for (;;) {
			const id = toHex(this.#options.random.bytes(3)).toLowerCase();
			if (this.#registrations.find(id) === undefined) return id;
		}
	}

	/** The device has moved to this path, or stayed there, and listens. */
	#awake(session: DeviceSession, from: CoapEndpoint): void {
		if (session.path !== undefined && session.path !== from) this.#byPath.delete(session.path);
		session.path = from;
		this.#byPath.set(from, session);
		this.#afterAnswer(async () => {
			await session.observe();
			if (session.path === from) this.#options.onAwake(session.eid);
		});
	}

	/** A client that waits for an answer to its registration takes no requests yet. */
	#afterAnswer(task: () => void | Promise<void>): void {
		this.#options.clock.schedule(Milliseconds(0), () => void task());
	}

	#ownSession(id: string, from: CoapEndpoint): DeviceSession | undefined {
		const session = this.#registrations.find(id);
		const names = this.#namesOf(from);
		if (session === undefined || names === undefined) return session;
		return isOwnName(names, session.endpoint, session.eid) ? session : undefined;
	}

	/** Undefined where any name is believed. */
	#namesOf({ proven }: CoapEndpoint): readonly string[] | undefined {
		if (proven !== undefined) return provenNames(proven);
		return this.#options.takesUnproven ? undefined : [];
	}
}

function refusedVersion({ version }: RegistrationRequest): CoapReply | undefined {
	if (version === undefined || /^1\.\d+$/.test(version)) return undefined;
	return refusal("4.12", "this server speaks LwM2M 1.0 and 1.1");
}
