/** Runs commands without root's right to read and write everything. */

/** A command prefix that drops that right. Empty for other users. */
export const MORTAL = Deno.uid() === 0
  ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
  : [];

/** True if the prefix works here. `setpriv` is part of util-linux. */
export const canBeMortal = await isMortal();

async function isMortal(): Promise<boolean> {
  const [command, ...args] = [...MORTAL, "true"];
  try {
    return (await new Deno.Command(command ?? "", { args }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
