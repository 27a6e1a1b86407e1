const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const SERVER_ADDRESS = new RegExp(`^${LABEL}(?:\\.${LABEL})*(?::(\\d{1,5}))?$`);

/** Whether a text is an RSP server's address: an FQDN, with a port for benches. */
export function isServerAddress(text: string): boolean {
	const match = SERVER_ADDRESS.exec(text);
	return match !== null && text.length <= 255 && Number(match[1] ?? 443) <= 65535;
}
