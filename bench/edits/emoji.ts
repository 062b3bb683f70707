/** Shapes in the manner of emoji: faces, hearts, stars and drops. */
import { oneOf, type Random, whole } from '../../scripts/canary/canvas.js';

const FACES = ['#ffcc33', '#ffd23f', '#ffc107', '#f4a72c', '#ff6b6b', '#8bc34a'];
const INK = '#4b3621';

/** Draw a face in a circle around 0, 0 of radius 1. */
export function faceSvg(random: Random): string {
  const skin = oneOf(random, FACES);
  const eyes = oneOf(random, [
    () =>
      `<ellipse cx="-.34" cy="-.2" rx=".12" ry=".18" fill="${INK}"/><ellipse cx=".34" cy="-.2" rx=".12" ry=".18" fill="${INK}"/>`,
    () =>
      `<path d="M-.52 -.1Q-.34 -.4 -.16 -.1M.16 -.1Q.34 -.4 .52 -.1" fill="none" stroke="${INK}" stroke-width=".1" stroke-linecap="round"/>`,
    () =>
      `<rect x="-.85" y="-.4" width=".75" height=".4" rx=".15" fill="#222"/><rect x=".1" y="-.4" width=".75" height=".4" rx=".15" fill="#222"/><path d="M-.9 -.32L.9 -.32" stroke="#222" stroke-width=".1"/>`,
    () =>
      `<circle cx="-.34" cy="-.2" r=".24" fill="#fff"/><circle cx=".34" cy="-.2" r=".24" fill="#fff"/><circle cx="-.3" cy="-.18" r=".11" fill="${INK}"/><circle cx=".38" cy="-.18" r=".11" fill="${INK}"/>`,
    () =>
      `<path d="M-.5 -.35L-.18 -.05M-.5 -.05L-.18 -.35M.5 -.35L.18 -.05M.5 -.05L.18 -.35" stroke="${INK}" stroke-width=".1" stroke-linecap="round"/>`,
  ])();
  const mouth = oneOf(random, [
    () => `<path d="M-.5 .2Q0 .8 .5 .2" fill="none" stroke="${INK}" stroke-width=".1" stroke-linecap="round"/>`,
    () => `<path d="M-.55 .15Q0 1.05 .55 .15Z" fill="${INK}"/><path d="M-.45 .2L.45 .2L.4 .32L-.4 .32Z" fill="#fff"/>`,
    () => `<ellipse cx="0" cy=".42" rx=".2" ry=".26" fill="${INK}"/>`,
    () => `<path d="M-.4 .45L.4 .45" stroke="${INK}" stroke-width=".1" stroke-linecap="round"/>`,
    () => `<path d="M-.45 .6Q0 .1 .45 .6" fill="none" stroke="${INK}" stroke-width=".1" stroke-linecap="round"/>`,
  ])();
  const cheeks =
    random() < 0.3
      ? '<circle cx="-.62" cy=".15" r=".15" fill="#ff8a80" opacity=".8"/><circle cx=".62" cy=".15" r=".15" fill="#ff8a80" opacity=".8"/>'
      : '';
  const tear = random() < 0.15 ? '<path d="M.45 .05Q.75 .5 .5 .62Q.25 .5 .45 .05" fill="#4fc3f7"/>' : '';
  return `<circle r="1" fill="${skin}"/><circle r=".94" fill="none" stroke="#000" stroke-opacity=".12" stroke-width=".12"/>${eyes}${cheeks}${mouth}${tear}`;
}

const starPath = (points: number) =>
  `M${Array.from({ length: points * 2 }, (_, at) => {
    const [angle, radius] = [(at * Math.PI) / points - Math.PI / 2, at % 2 === 0 ? 1.15 : 0.5];
    return `${(Math.cos(angle) * radius).toFixed(3)} ${(Math.sin(angle) * radius).toFixed(3)}`;
  }).join('L')}Z`;

/** Draw an emoji in a circle of this radius; faces are the most frequent. */
export function emojiSvg(random: Random, x: number, y: number, radius: number): string {
  const shape = oneOf(random, [
    () => faceSvg(random),
    () => faceSvg(random),
    () => faceSvg(random),
    () =>
      `<path d="M0 1C-1.6 -.1 -1.1 -1.1 -.5 -1.05Q-.1 -1 0 -.6Q.1 -1 .5 -1.05C1.1 -1.1 1.6 -.1 0 1Z" fill="${oneOf(random, ['#e53935', '#ec407a', '#7e57c2'])}"/>`,
    () => `<path d="${starPath(5)}" fill="#ffca28"/>`,
    () => `<path d="M0 -1.2Q1.5 .8 0 1Q-1.5 .8 0 -1.2" fill="${oneOf(random, ['#42a5f5', '#ff7043'])}"/>`,
    () => `<circle r="1" fill="#000"/>`,
  ])();
  return `<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${whole(random, -20, 20)}) scale(${radius.toFixed(2)})">${shape}</g>`;
}
