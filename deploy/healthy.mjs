/**
 * `node deploy/healthy.mjs URL [TEXT]`: exit code 0 when URL answers well, and with TEXT in its answer. The images hold no
 * curl.
 */
const [, , url, text = ""] = process.argv;
try {
	const response = await fetch(url, { signal: AbortSignal.timeout(4000) });
	const body = await response.text();
	if (!response.ok || !body.includes(text)) throw new Error(`${response.status} ${body}`);
} catch (error) {
	console.error(`${url}: ${error.cause?.message ?? error.message}`);
	process.exitCode = 1;
}
