/** Images of offices, whose PDQ hash is one-dimensional. */
import sharp from 'sharp';

/** Lines one below the other, of different lengths: a slide. Slides of two seeds differ in their first line. */
export async function slide(seed: number): Promise<Buffer> {
  const [width, height] = [320, 240];
  const data = new Uint8Array(width * height).fill(255);
  for (let y = 20; y < height - 20; y++) {
    if (y % 36 > 16) continue;
    const length = 230 + ((Math.floor(y / 36) * 7) % 5) + (y < 24 ? seed : 0);
    data.fill(20, y * width + 40, y * width + length);
  }
  return sharp(data, { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
}
