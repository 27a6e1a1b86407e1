/** An object of a device, or one of its instances. */
export interface ObjectLink {
	readonly objectId: number;
	/** Absent for an object without instances. */
	readonly instanceId?: number;
}

/** What a device has, as it registers it (LwM2M Core section 6.2.1; RFC 6690). */
export interface DeviceObjects {
	/** Segments of the path under which the objects are; mostly none. */
	readonly root: readonly string[];
	readonly links: readonly ObjectLink[];
}

/** `<target>` and its attributes up to the next comma outside quotes. */
const LINK = /\s*<([^<>]*)>((?:\s*;\s*[^\s"=;,]+(?:=(?:"[^"]*"|[^\s",;]*))?)*)\s*(?:,|$)/y;
const ROOT = /;\s*rt\s*=\s*"?([^";]*)"?/;
const OBJECT = /^(?<root>.*?)\/(?<object>\d{1,5})(?:\/(?<instance>\d{1,5}))?$/;

/** @returns undefined for what is no list of links */
export function readObjectLinks(text: string): DeviceObjects | undefined {
	const links: { readonly target: string; readonly attributes: string }[] = [];
	LINK.lastIndex = 0;
	while (LINK.lastIndex < text.length) {
		const found = LINK.exec(text);
		if (found === null) return undefined;
		links.push({ target: found[1] ?? "", attributes: found[2] ?? "" });
	}
	const rooted = links.find(({ attributes }) => ROOT.exec(attributes)?.[1] === "oma.lwm2m")?.target ?? "/";
	const root = rooted.split("/").filter((segment) => segment !== "");
	const prefix = root.map((segment) => `/${segment}`).join("");
	return { root, links: links.flatMap(({ target }) => objectLink(target, prefix)) };
}

function objectLink(target: string, prefix: string): ObjectLink[] {
	const { root, object, instance } = OBJECT.exec(target)?.groups ?? {};
	// Clients with a root of their own name objects with it or without (LwM2M 1.0 and 1.1 differ in their examples).
	if (object === undefined || (root !== prefix && root !== "")) return [];
	return [{ objectId: Number(object), ...(instance === undefined ? {} : { instanceId: Number(instance) }) }];
}
