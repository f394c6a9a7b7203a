/** The few icons the dashboard needs, drawn on a grid of 24; always beside words, so hidden from screen readers. */

import type { ReactNode } from "react";

function icon(shape: ReactNode) {
  return function Icon({ size = 16 }: { size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {shape}
      </svg>
    );
  };
}

export const PlayIcon = icon(<path d="M7 4.5v15l12-7.5z" />);
export const PauseIcon = icon(<path d="M8 5v14M16 5v14" />);
export const StopIcon = icon(
  <>
    <circle cx="12" cy="12" r="9" />
    <path d="m9 9 6 6m0-6-6 6" />
  </>,
);
export const HaltIcon = icon(<path d="M8.5 3h7L21 8.5v7L15.5 21h-7L3 15.5v-7zM8.5 12h7" />);
export const HourglassIcon = icon(<path d="M7 3h10M7 21h10M8 3v4l4 5 4-5V3M8 21v-4l4-5 4 5v4" />);
export const AlertIcon = icon(<path d="M12 4 2.5 20h19zM12 10v4M12 17v.01" />);
export const CheckIcon = icon(<path d="m5 12.5 5 5 9-11" />);
export const LockIcon = icon(
  <>
    <rect x="5" y="11" width="14" height="9" rx="2" />
    <path d="M8 11V8a4 4 0 0 1 8 0v3" />
  </>,
);
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5" />
  </>,
);
export const MoonIcon = icon(<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z" />);
export const LeaveIcon = icon(<path d="M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M9 8l-4 4 4 4M5 12h10" />);
export const BackIcon = icon(<path d="m14 6-6 6 6 6" />);
export const UnpluggedIcon = icon(
  <path d="M12 20h.01M8.5 16.4a5 5 0 0 1 7 0M5 12.9a10 10 0 0 1 5.2-2.7M19 12.9a10 10 0 0 0-2-1.5M2 8.8a15 15 0 0 1 4.2-2.6M22 8.8A15 15 0 0 0 10.7 5M3 3l18 18" />,
);
export const ShipIcon = icon(
  <path d="M3 18c1.5 1.3 3 1.3 4.5 0s3-1.3 4.5 0 3 1.3 4.5 0 3-1.3 4.5 0M5 14.5 4 11h16l-2 4.5M12 11V4l5 7" />,
);
export const MenuIcon = icon(<path d="M4 6h16M4 12h16M4 18h16" />);
export const HomeIcon = icon(<path d="m4 11 8-7 8 7v8a1 1 0 0 1-1 1h-5v-6h-4v6H5a1 1 0 0 1-1-1z" />);
export const WavesIcon = icon(<path d="M3 8c3-3 6-3 9 0s6 3 9 0M3 16c3-3 6-3 9 0s6 3 9 0" />);
export const BoxIcon = icon(<path d="m12 3 8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9" />);
export const CarIcon = icon(
  <path d="M4 16v-3l2-6h12l2 6v3M4 16v2.5h2.5V16M17.5 16v2.5H20V16M3.5 16h17M4 12h16M7.5 14h.01M16.5 14h.01" />,
);
export const CarsIcon = icon(<path d="M3 9V4h5M3 15v5h5M21 9V4h-5M21 15v5h-5M7 14v-2l1-3h8l1 3v2zM7 14v1.5h1.5V14M15.5 14v1.5H17V14" />);
export const ChipIcon = icon(
  <path d="M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4" />,
);
export const LetterIcon = icon(<path d="M3 6h18v12H3zM3 7l9 6.5L21 7" />);
export const LogIcon = icon(<path d="M6 3h12v18H6zM9.5 8h5M9.5 12h5M9.5 16h3" />);
export const StampIcon = icon(<path d="M9 13V9a3.5 3.5 0 1 1 6 0v4h4v4H5v-4zM5 20.5h14" />);
export const KeyIcon = icon(
  <>
    <circle cx="8" cy="15" r="4" />
    <path d="m11 12 8-8M16 7l3 3" />
  </>,
);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const TrashIcon = icon(<path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5" />);
export const UpIcon = icon(<path d="m6 14 6-6 6 6" />);
export const DownIcon = icon(<path d="m6 10 6 6 6-6" />);
export const GateIcon = icon(<path d="M4 20V6M20 20V6M4 9h16M4 13h16M8 9v11M12 9v11M16 9v11" />);
export const CopyIcon = icon(<path d="M9 9h11v11H9zM5 15H4V4h11v1" />);
export const BookIcon = icon(<path d="M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11" />);
export const SearchIcon = icon(
  <>
    <circle cx="11" cy="11" r="6.5" />
    <path d="m16 16 4.5 4.5" />
  </>,
);
export const DiceIcon = icon(
  <>
    <rect x="4" y="4" width="16" height="16" rx="3" />
    <path d="M8.5 8.5v.01M15.5 8.5v.01M12 12v.01M8.5 15.5v.01M15.5 15.5v.01" />
  </>,
);
